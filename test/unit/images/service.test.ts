import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { NotFoundError, ValidationError } from '../../../src/errors/index.js';
import type { ContainerConfig } from '../../../src/builder/contracts.js';
import { CONFIG } from './support/fakes.js';
import { arnOf, buildImage, exists, input, until, WHO, world, type World } from './support/world.js';
import { untilAborted } from '../../support/until-aborted.js';

const STRANGER = { accountId: '999999999999', accessKeyId: 'AKIB' };

/** A world in which builds stay at the Dockerfile until told. */
function hold(w: World): () => Promise<void> {
  const go: (() => void)[] = [];
  w.fakes.run = ({ signal }) => Promise.race([new Promise<ContainerConfig>((resolve) => go.push(() => resolve(CONFIG))), untilAborted(signal)]);
  return async () => {
    await until(() => go.length > 0);
    for (const resume of go.splice(0)) resume();
  };
}

const throwsNotFound = (call: () => unknown, message: string, resourceType: string): void => {
  assert.throws(call, (error) => {
    assert.ok(error instanceof NotFoundError, String(error));
    assert.deepEqual([error.message, error.resourceType], [message, resourceType]);
    return true;
  });
};

test('a refused create leaves no record', async (t) => {
  const w = await world(t);
  assert.throws(() => w.images.create(WHO, input('app', { baseImageVersion: '99' })), ValidationError);
  assert.deepEqual(w.images.list(WHO, { limit: 10 }).items, []);
});

test('a name is taken within its account, also by a failed image', async (t) => {
  const w = await world(t);
  w.fakes.open = () => Promise.reject(new Error('no'));
  await buildImage(w);
  assert.throws(() => w.images.create(WHO, input()), { message: "A MicroVM image with the name 'app' already exists in this account", field: 'name' });
  assert.equal(w.images.create(STRANGER, input()).image.accountId, STRANGER.accountId);
});

test('another account sees nothing of an image', async (t) => {
  const w = await world(t);
  const { build } = await buildImage(w);
  const arn = arnOf('app');
  const message = `MicroVMImage not found for MicroVMImageID: ${arn}`;
  const calls: (() => unknown)[] = [
    () => w.images.get(STRANGER, arn),
    () => w.images.delete(STRANGER, arn),
    () => w.images.getVersion(STRANGER, arn, '1.0'),
    () => w.images.listVersions(STRANGER, arn, { limit: 10 }),
    () => w.images.getBuild(STRANGER, arn, '1.0', build.buildId),
    () => w.images.listBuilds(STRANGER, arn, '1.0', { limit: 10 }),
  ];
  for (const call of calls) throwsNotFound(call, message, 'microvm-image');
  throwsNotFound(() => w.images.launchable(STRANGER, arn), `No active version found for MicroVM image ${arn}`, 'microvm-image');
  assert.deepEqual(w.images.list(STRANGER, { limit: 10 }).items, []);
  assert.equal(w.images.get(WHO, arn).state, 'CREATED');
});

test('what is not there, and what is no ARN', async (t) => {
  const w = await world(t);
  await buildImage(w);
  const arn = arnOf('app');
  throwsNotFound(() => w.images.get(WHO, arnOf('none')), `MicroVMImage not found for MicroVMImageID: ${arnOf('none')}`, 'microvm-image');
  throwsNotFound(() => w.images.getVersion(WHO, arn, '2.0'), `MicroVMImageVersion not found for MicroVMImageID: ${arn} and version: 2.0`, 'microvm-image-version');
  assert.throws(() => w.images.getBuild(WHO, arn, '1', 'b'), { resourceType: 'microvm-image-build', resourceId: 'b' });
  for (const id of ['app', 'arn:aws:s3:::bucket', `${arn}/x`, '']) {
    assert.throws(() => w.images.get(WHO, id), { constructor: ValidationError, message: `Invalid ARN format: ${id}` });
  }
});

test('versions are found as 1 and as 1.0', async (t) => {
  const w = await world(t);
  const { build } = await buildImage(w);
  for (const version of ['1', '1.0']) {
    assert.equal(w.images.getVersion(WHO, arnOf('app'), version).version, '1.0');
    assert.equal(w.images.getBuild(WHO, arnOf('app'), version, build.buildId).buildId, build.buildId);
    assert.equal(w.images.listBuilds(WHO, arnOf('app'), version, { limit: 10 }).items.length, 1);
    assert.equal(w.images.launchable(WHO, arnOf('app'), version).version, '1.0');
  }
});

test('launchable: only what is built and active; a running VM\'s version whatever its status', async (t) => {
  const w = await world(t);
  const release = hold(w);
  const arn = arnOf('app');
  const none = `No active version found for MicroVM image ${arn}`;
  throwsNotFound(() => w.images.launchable(WHO, arn), none, 'microvm-image');
  w.images.create(WHO, input());
  throwsNotFound(() => w.images.launchable(WHO, arn), none, 'microvm-image');
  await release();
  await until(() => w.images.get(WHO, arn).state === 'CREATED');
  assert.equal(w.images.launchable(WHO, arn).version, '1.0');
  throwsNotFound(() => w.images.launchable(WHO, arn, '2.0'), `${none} and version 2.0`, 'microvm-image');
  w.store.updateVersion(arn, '1.0', { status: 'INACTIVE' });
  throwsNotFound(() => w.images.launchable(WHO, arn), none, 'microvm-image');
  throwsNotFound(() => w.images.launchable(WHO, arn, '1.0'), `${none} and version 1.0`, 'microvm-image');
  assert.equal(w.images.ofRunning(arn, '1.0').template, join(w.dataDir, 'images', WHO.accountId, 'app', '1.0', 'template'));
});

test('launchable without a version is the newest by number, not by text', async (t) => {
  const w = await world(t);
  const { version } = await buildImage(w);
  for (const number of ['9.0', '10.0', '11.0']) {
    w.store.insertVersion({ ...version, version: number, status: number === '11.0' ? 'INACTIVE' : 'ACTIVE' });
  }
  assert.equal(w.images.launchable(WHO, arnOf('app')).version, '10.0');
});

test('delete: refused while building and while in use; then DELETING, files and records go, and the name is free', async (t) => {
  const w = await world(t);
  const release = hold(w);
  const arn = arnOf('app');
  w.images.create(WHO, input());
  assert.throws(() => w.images.delete(WHO, arn), { constructor: ValidationError, message: `Cannot delete MicroVM image in its current state: ${arn}` });
  await release();
  await until(() => w.images.get(WHO, arn).state === 'CREATED');

  w.inUse.add(arn);
  assert.throws(() => w.images.delete(WHO, arn), { constructor: ValidationError, message: /while MicroVMs use it/ });
  assert.equal(w.images.get(WHO, arn).state, 'CREATED');
  w.inUse.delete(arn);

  assert.deepEqual(w.images.delete(WHO, arn), { imageArn: arn, state: 'DELETING' });
  assert.deepEqual([w.images.get(WHO, arn).state, w.images.getVersion(WHO, arn, '1').state], ['DELETING', 'DELETING']);
  assert.throws(() => w.images.launchable(WHO, arn), NotFoundError);
  assert.throws(() => w.images.create(WHO, input()), /already exists/);
  assert.deepEqual(w.images.delete(WHO, arn), { imageArn: arn, state: 'DELETING' });
  await until(() => w.store.getImage(arn) === undefined);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'app'), false);
  assert.deepEqual(w.images.delete(WHO, arn), { imageArn: arn, state: 'DELETED' });
  assert.equal(w.images.create(WHO, input()).image.state, 'CREATING');
  await release();
});

test('a deletion that fails is recorded and can be asked for again', async (t) => {
  const w = await world(t);
  await buildImage(w);
  const arn = arnOf('app');
  const parent = join(w.dataDir, 'images', WHO.accountId);
  await rm(parent, { recursive: true });
  await writeFile(parent, 'a file where the folder was: rm of what is beneath fails with ENOTDIR');
  w.images.delete(WHO, arn);
  await until(() => w.images.get(WHO, arn).state === 'DELETE_FAILED');
  assert.equal(w.images.getVersion(WHO, arn, '1').state, 'DELETE_FAILED');
  await rm(parent);
  assert.equal(w.images.delete(WHO, arn).state, 'DELETING');
  await until(() => w.store.getImage(arn) === undefined);
});

test('one managed image with one version', async (t) => {
  const w = await world(t);
  assert.deepEqual(w.images.managedImages().map(({ imageArn, versions }) => [imageArn, versions.map(({ version }) => version)]), [
    ['arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1', ['1']],
  ]);
});
