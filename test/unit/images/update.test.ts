/** Updates, versions switched on and off, and their deletion, over the real store and files. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors/index.js';
import { BuildRecords } from '../../../src/images/records.js';
import { systemClock } from '../../../src/clock/index.js';
import { INTERNET, NO_EGRESS } from '../../../src/network/contracts.js';
import type { ImageConfig } from '../../../src/store/contracts.js';
import { CONFIG } from './support/fakes.js';
import { arnOf, buildImage, exists, input, until, WHO, world, type World } from './support/world.js';
import { untilAborted } from '../../support/until-aborted.js';

const ARN = arnOf('app');
const image = (w: World) => w.images.get(WHO, ARN);
const version = (w: World, number: string) => w.images.getVersion(WHO, ARN, number);
const config = (more: Partial<ImageConfig> = {}): ImageConfig => input('app', more).config;

/** Updates and waits for the end of the build. */
async function update(w: World, more: Partial<ImageConfig> = {}): Promise<string> {
  const { version: made } = w.images.update(WHO, ARN, config(more));
  await until(() => image(w).state !== 'UPDATING' && w.fakes.openWriters === 0);
  return made.version;
}

const refused = (call: () => unknown, type: new (...args: never[]) => Error, message: string | RegExp): void => assert.throws(call, (error) => {
  assert.ok(error instanceof type, String(error));
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
});

test('an update is the next version, made of its request alone; the one before stays the latest until it is built', async (t) => {
  const w = await world(t);
  await buildImage(w, input('app', { description: 'first', environmentVariables: { A: '1' } }));
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  w.fakes.run = () => gate.then(() => CONFIG);
  t.after(go);
  const { image: updating, version: second } = w.images.update(WHO, ARN, config());
  assert.deepEqual([updating.state, updating.latestActiveVersion, second.version, second.state, second.status], ['UPDATING', '1.0', '2.0', 'PENDING', 'INACTIVE']);
  assert.deepEqual([second.config.description, second.config.environmentVariables], [undefined, undefined]);

  const already = 'MicroVM Image is already in state: UPDATING';
  refused(() => w.images.update(WHO, ARN, config()), ConflictError, already);
  refused(() => w.images.setVersionStatus(WHO, ARN, '1.0', 'INACTIVE'), ConflictError, already);
  refused(() => w.images.deleteVersion(WHO, ARN, '1.0'), ConflictError, already);
  refused(() => w.images.delete(WHO, ARN), ValidationError, `Cannot delete MicroVM image in its current state: ${ARN}`);
  go();
  await until(() => image(w).state === 'UPDATED');
  assert.deepEqual([image(w).latestActiveVersion, version(w, '2.0').status, version(w, '1.0').status], ['2.0', 'ACTIVE', 'ACTIVE']);
  assert.equal(w.images.launchable(WHO, ARN).version, '2.0');
  assert.equal(w.images.launchable(WHO, ARN, '1').version, '1.0');
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'app', '2.0', 'disk.raw'), true);
});

test('a failed update leaves the version before the latest and consumes its number', async (t) => {
  const w = await world(t);
  await buildImage(w);
  const open = w.fakes.open;
  w.fakes.open = () => Promise.reject(new Error('no'));
  assert.equal(await update(w), '2.0');
  assert.deepEqual([image(w).state, image(w).latestActiveVersion, image(w).latestFailedVersion], ['UPDATE_FAILED', '1.0', '2.0']);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'app', '1.0', 'disk.raw'), true);
  w.fakes.open = open;
  assert.equal(await update(w), '3.0');
  assert.deepEqual([image(w).state, image(w).latestActiveVersion, image(w).latestFailedVersion], ['UPDATED', '3.0', '2.0']);
});

test('a failed first build can be updated out of', async (t) => {
  const w = await world(t);
  const open = w.fakes.open;
  w.fakes.open = () => Promise.reject(new Error('no'));
  await buildImage(w);
  w.fakes.open = open;
  assert.equal(await update(w), '2.0');
  assert.deepEqual([image(w).state, image(w).latestActiveVersion], ['UPDATED', '2.0']);
});

test('a refused update leaves no version, and other accounts\' images are unknown', async (t) => {
  const w = await world(t);
  await buildImage(w);
  refused(() => w.images.update(WHO, ARN, config({ baseImageVersion: '99' })), ValidationError, /No managed/);
  refused(() => w.images.update({ ...WHO, accountId: '999999999999' }, ARN, config()), NotFoundError, /not found/);
  assert.equal(w.images.listVersions(WHO, ARN, { limit: 9 }).items.length, 1);
  assert.equal(image(w).state, 'CREATED');
});

test('numbers are never given again, not even the newest one\'s', async (t) => {
  const w = await world(t);
  await buildImage(w);
  await update(w);
  w.images.deleteVersion(WHO, ARN, '2');
  await until(() => image(w).state === 'UPDATED' && w.store.getVersion(ARN, '2.0') === undefined);
  assert.equal(await update(w), '3.0');
  assert.deepEqual(w.images.listVersions(WHO, ARN, { limit: 9 }).items.map((item) => item.version), ['1.0', '3.0']);
});

test('INACTIVE blocks launches, pinned or not, and the latest is recomputed both ways', async (t) => {
  const w = await world(t);
  await buildImage(w);
  await update(w);
  const off = w.images.setVersionStatus(WHO, ARN, '2', 'INACTIVE');
  assert.deepEqual([off.state, off.status, image(w).latestActiveVersion], ['SUCCESSFUL', 'INACTIVE', '1.0']);
  assert.equal(w.images.launchable(WHO, ARN).version, '1.0');
  refused(() => w.images.launchable(WHO, ARN, '2.0'), NotFoundError, /No active version/);
  w.images.setVersionStatus(WHO, ARN, '1.0', 'INACTIVE');
  assert.equal(image(w).latestActiveVersion, undefined);
  refused(() => w.images.launchable(WHO, ARN), NotFoundError, /No active version/);
  w.images.setVersionStatus(WHO, ARN, '2.0', 'ACTIVE');
  assert.equal(image(w).latestActiveVersion, '2.0');
  assert.equal(image(w).state, 'UPDATED');
  refused(() => w.images.setVersionStatus(WHO, ARN, '3', 'ACTIVE'), NotFoundError, /version: 3/);
});

test('a version that failed cannot be ACTIVE; INACTIVE it is already', async (t) => {
  const w = await world(t);
  await buildImage(w);
  w.fakes.open = () => Promise.reject(new Error('no'));
  await update(w);
  refused(() => w.images.setVersionStatus(WHO, ARN, '2.0', 'ACTIVE'), ConflictError, /is in state FAILED/);
  assert.equal(w.images.setVersionStatus(WHO, ARN, '2.0', 'INACTIVE').status, 'INACTIVE');
});

test('deleting a version: DELETING, then it and its files are gone; the image UPDATING, then UPDATED', async (t) => {
  const w = await world(t);
  await buildImage(w);
  refused(() => w.images.deleteVersion(WHO, ARN, '1'), ValidationError, 'This is the last version. Please delete the entire image');
  await update(w);
  w.inUse.add(`${ARN}:2.0`);
  refused(() => w.images.deleteVersion(WHO, ARN, '2.0'), ValidationError, /while MicroVMs use it/);
  w.inUse.clear();
  assert.deepEqual(w.images.deleteVersion(WHO, ARN, '2'), { version: '2.0', state: 'DELETING' });
  assert.deepEqual([image(w).state, image(w).latestActiveVersion, version(w, '2').state], ['UPDATING', '1.0', 'DELETING']);
  assert.deepEqual(w.images.deleteVersion(WHO, ARN, '2'), { version: '2.0', state: 'DELETING' });
  await until(() => image(w).state === 'UPDATED');
  refused(() => version(w, '2'), NotFoundError, /version: 2/);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'app', '2.0'), false);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'app', '1.0'), true);
  assert.deepEqual(w.images.deleteVersion(WHO, ARN, '2.0'), { version: '2.0', state: 'DELETED' });
  for (const never of ['3', '0.0', '2.1', 'x']) refused(() => w.images.deleteVersion(WHO, ARN, never), NotFoundError, /not found/);
  assert.equal(w.images.launchable(WHO, ARN).version, '1.0');
  assert.deepEqual(w.images.delete(WHO, ARN), { imageArn: ARN, state: 'DELETING' });
  await until(() => w.store.getImage(ARN) === undefined);
});

test('deleting the failed version clears it from the image', async (t) => {
  const w = await world(t);
  await buildImage(w);
  w.fakes.open = () => Promise.reject(new Error('no'));
  await update(w);
  w.images.deleteVersion(WHO, ARN, '2');
  await until(() => image(w).state === 'UPDATED');
  assert.deepEqual([image(w).latestFailedVersion, image(w).latestActiveVersion], [undefined, '1.0']);
});

test('a version whose files cannot be removed is DELETE_FAILED and can be deleted again', async (t) => {
  const w = await world(t);
  await buildImage(w);
  await update(w);
  const folder = join(w.dataDir, 'images', WHO.accountId, 'app');
  await rm(folder, { recursive: true });
  await writeFile(folder, 'a file where the folder was');
  w.images.deleteVersion(WHO, ARN, '2');
  await until(() => version(w, '2').state === 'DELETE_FAILED');
  assert.equal(image(w).state, 'UPDATE_FAILED');
  await rm(folder);
  w.images.deleteVersion(WHO, ARN, '2');
  await until(() => image(w).state === 'UPDATED');
});

test('a version that was on its way out when the daemon stopped goes at the next start', async (t) => {
  const first = await world(t);
  await buildImage(first);
  await update(first);
  new BuildRecords(first.store, systemClock).versionDeletion({ imageArn: ARN, version: '2.0' });
  await first.images.shutdown();
  const second = await world(t, { store: first.store, dataDir: first.dataDir });
  await second.images.start();
  await until(() => image(second).state === 'UPDATED');
  assert.deepEqual(second.images.listVersions(WHO, ARN, { limit: 9 }).items.map((item) => item.version), ['1.0']);
});

test('an update that was being built when the daemon stopped is built by the next one', async (t) => {
  const first = await world(t);
  await buildImage(first);
  first.fakes.run = ({ signal }) => untilAborted(signal);
  first.images.update(WHO, ARN, config());
  await until(() => version(first, '2').state === 'IN_PROGRESS');
  await first.images.shutdown();
  const second = await world(t, { store: first.store, dataDir: first.dataDir, logger: pino({ level: 'silent' }) });
  await second.images.start();
  await until(() => image(second).state !== 'UPDATING');
  assert.deepEqual([image(second).state, version(second, '2').state, image(second).latestActiveVersion], ['UPDATED', 'SUCCESSFUL', '2.0']);
});

test('customer connectors: known ones only, and their builds reach what those open', async (t) => {
  const w = await world(t);
  const connector = 'arn:aws:lambda:us-east-1:111122223333:network-connector:nc-1';
  refused(() => w.images.create(WHO, input('app', { egressNetworkConnectors: [connector] })), ValidationError, /does not exist/);
  w.connectors.add(connector);
  await buildImage(w, input('app', { egressNetworkConnectors: [connector] }));
  assert.deepEqual([w.fakes.requests.map(({ network }) => network.egress), w.fakes.links.map(({ options }) => options.egress)], [[NO_EGRESS], [NO_EGRESS]]);
  await update(w);
  assert.deepEqual(w.fakes.requests.at(-1)?.network.egress, INTERNET);
  refused(() => w.images.update(WHO, ARN, config({ egressNetworkConnectors: [`${connector}9`] })), ValidationError, /does not exist/);
});

test('the architecture: advice by default, refused when strict and not the host\'s', async (t) => {
  const arm = { cpuConfigurations: [{ architecture: 'ARM_64' }] };
  const advice = await world(t);
  const { build } = await buildImage(advice, input('app', arm));
  assert.equal(build.architecture, 'X86_64');
  const strict = await world(t, { architecture: 'strict' });
  refused(() => strict.images.create(WHO, input('app', arm)), ValidationError, /No host has the architecture ARM_64\. Architectures there are: \[X86_64\]/);
  assert.equal((await buildImage(strict)).image.state, 'CREATED');
  const onArm = await world(t, { architecture: 'strict', hostArch: 'arm64' });
  assert.equal((await buildImage(onArm, input('app', arm))).build.architecture, 'ARM_64');
});

test('tags of a new image obey the rules of tags', async (t) => {
  const w = await world(t);
  refused(() => w.images.create(WHO, { ...input(), tags: { 'aws:x': '' } }), ValidationError, /reserved/);
  refused(() => w.images.create(WHO, { ...input(), tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])) }), ValidationError, /at most 50/);
  assert.equal(w.store.getImage(ARN), undefined);
});
