/** The other sources: records, folders of MicroVMs, layer caches, temporary files, log events. */
import assert from 'node:assert/strict';
import { access, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { LayerCaches } from '../../../src/builder/layer-cache.js';
import { expiredLogEvents } from '../../../src/gc/log-events.js';
import { temporaryFiles } from '../../../src/gc/temporary-files.js';
import { TERMINATED_KEPT_MS, terminatedRecords } from '../../../src/gc/terminated.js';
import { createLogStore } from '../../../src/logs/store.js';
import { scratch } from '../images/support/scratch.js';
import { until, WHO, World } from '../microvms/fakes.js';
import { offered, removeAll } from './support.js';

const DAY_MS = 86_400_000;
const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

async function microvms(t: { after(fn: () => Promise<void>): void }): Promise<World> {
  const world = await World.create();
  t.after(() => world.destroy());
  return world;
}

test('records of MicroVMs that ended long ago go, with their launches; what they used stays', async (t) => {
  const world = await microvms(t);
  const source = terminatedRecords({ store: world.store, clock: world.clock });
  const ids: string[] = [];
  for (let n = 0; n < 2; n++) ids.push(await world.running());
  const [old = '', recent = ''] = ids;
  await world.microvms.terminate(WHO, old);
  await world.reaches(old, 'TERMINATED');
  world.clock.advance(TERMINATED_KEPT_MS - 1_000);
  await world.reaches(recent, 'TERMINATED'); // its eight hours were over, some time after the first had ended
  const still = await world.running();
  assert.deepEqual(await offered(source), []);
  world.clock.advance(2_000);
  assert.deepEqual(await offered(source, '111122223333'), [], 'another account’s are none');
  assert.deepEqual(await offered(source, WHO.accountId), ['terminated-records 1']);
  assert.ok(world.store.launchesOf(old).length > 0);
  assert.deepEqual(await removeAll(source, WHO.accountId), [{ kind: 'terminated-records', count: 1, bytes: 0 }]);
  assert.deepEqual([world.state(old), world.store.launchesOf(old)], [undefined, []]);
  assert.deepEqual([world.state(recent), world.state(still)], ['TERMINATED', 'RUNNING']);
  await until(() => world.store.launchesOf(recent).length > 0, 'its launch stays');
});

test('many records go in batches, all of them', async (t) => {
  const world = await microvms(t);
  const id = await world.running();
  const record = world.store.getMicrovm(id);
  assert.ok(record !== undefined);
  world.store.transaction(() => {
    for (let n = 0; n < 1_203; n++) world.store.insertMicrovm({ ...record, id: `microvm-${n}`, endpointLabel: `label-${n}`, state: 'TERMINATED', terminatedAt: 1 });
  });
  assert.deepEqual(await removeAll(terminatedRecords(world)), [{ kind: 'terminated-records', count: 1_203, bytes: 0 }]);
  assert.equal(world.state(id), 'RUNNING');
});

test('folders of MicroVMs that are gone; never of one that is there, or suspended', async (t) => {
  const world = await microvms(t);
  const [ended, runs, sleeps] = [await world.running(), await world.running(), await world.suspended()];
  await world.microvms.terminate(WHO, ended);
  await world.reaches(ended, 'TERMINATED');
  for (const id of [ended, runs, sleeps, 'microvm-of-nobody']) {
    await mkdir(world.dirOf(id), { recursive: true });
    await writeFile(join(world.dirOf(id), 'overlay'), Buffer.alloc(8192, 1));
  }
  const { garbage } = world.microvms;
  assert.deepEqual(await offered(garbage, WHO.accountId), ['temporary-files 1'], 'the other is no account’s');
  const removed = await removeAll(garbage);
  assert.equal(removed.length, 2);
  for (const { bytes } of removed) assert.ok(bytes >= 8192);
  assert.deepEqual(await Promise.all([ended, runs, sleeps, 'microvm-of-nobody'].map((id) => exists(world.dirOf(id)))), [false, true, true, false]);
  await world.microvms.resume(WHO, sleeps);
  await until(() => world.state(sleeps) === 'RUNNING', 'resumed');
});

test('layer caches, but not the one a build has', async (t) => {
  const dir = await scratch(t);
  const caches = new LayerCaches({ dir: join(dir, 'caches'), maxBytes: 1024 * 1024 });
  assert.deepEqual(await offered(caches.garbage), []);
  for (const account of ['111111111111', '222222222222']) {
    await mkdir(join(dir, account), { recursive: true });
    const lease = await caches.lease(account, join(dir, account));
    await writeFile(lease.path, Buffer.alloc(16_384, 1));
    await lease.keep();
  }
  const used = await caches.lease('222222222222', join(dir, '222222222222'));
  assert.deepEqual(await offered(caches.garbage), ['build-cache 1']);
  assert.deepEqual(await offered(caches.garbage, '222222222222'), []);
  const [removed] = await removeAll(caches.garbage, '111111111111');
  assert.ok(removed?.count === 1 && removed.bytes >= 16_384);
  assert.equal(await exists(used.path), true);
  await used.keep();
  assert.deepEqual(await offered(caches.garbage), ['build-cache 1'], 'it is kept again');
});

test('files that a daemon was writing when it died, of the host alone, once nobody can be writing them', async (t) => {
  const dataDir = await scratch(t);
  const uuid = '0e7a1b52-9c3d-4f6e-8a21-5b7c9d0e1f23';
  const dead = ['credentials.json.0123456789abcdef', 'timeline.json.new', 'keys/accounts/000000000000.json.0123456789abcdef', `s3/bucket/objects/aa.json.${uuid}.tmp`, `logs/000000000000/g/group.json.${uuid}.tmp`];
  const live = ['credentials.json', 'timeline.json', 'tardigrade.db', 'keys/token-key', `s3/bucket/blobs/${uuid}`, 's3/bucket/objects/aa.json', 'logs/000000000000/g/s/0000000000000000.log', `logs/000000000000/g/x.tmp`];
  const young = `s3/bucket/objects/bb.json.${uuid}.tmp`;
  for (const path of [...dead, ...live, young]) {
    await mkdir(dirname(join(dataDir, path)), { recursive: true });
    await writeFile(join(dataDir, path), 'x');
    if (path !== young) await utimes(join(dataDir, path), 0, Date.now() / 1000 - 2 * 86_400);
  }
  const source = temporaryFiles({ dataDir, clock: { now: () => Date.now() } });
  assert.deepEqual(await offered(source, '000000000000'), []);
  assert.equal((await offered(source)).length, dead.length);
  await removeAll(source);
  const left = await Promise.all([...dead, ...live, young].map((path) => exists(join(dataDir, path))));
  assert.deepEqual(left, [...dead.map(() => false), ...live.map(() => true), true]);
});

test('log events that retention has ended, of the account that asks', async (t) => {
  const dir = await scratch(t);
  let now = Date.now();
  const logs = createLogStore(dir, { now: () => now });
  const [mine, other] = ['111111111111', '222222222222'];
  for (const account of [mine, other]) {
    await logs.createGroup(account, 'g');
    await logs.setRetention(account, 'g', 1);
    await logs.createStream(account, 'g', 's');
    await logs.append(account, 'g', 's', [{ time: now, text: 'one' }, { time: now, text: 'two' }]);
  }
  const source = expiredLogEvents(logs);
  assert.deepEqual(await offered(source), []);
  now += 2 * DAY_MS;
  assert.deepEqual([await offered(source), await offered(source, mine)], [['log-events 4'], ['log-events 2']]);
  const [removed] = await removeAll(source, mine);
  assert.ok(removed?.count === 2 && removed.bytes > 0);
  assert.deepEqual([await offered(source, mine), await offered(source)], [[], ['log-events 2']]);
});
