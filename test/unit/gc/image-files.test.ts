/** Files of images: residue of every sort goes, whatever lives stays. The real image service over real folders. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ContainerBuildError } from '../../../src/builder/contracts.js';
import { imageGarbage } from '../../../src/images/garbage.js';
import { arnOf, buildImage, exists, input, until, WHO, world, type World } from '../images/support/world.js';
import { untilAborted } from '../../support/until-aborted.js';
import { offered, removeAll } from './support.js';

async function leave(w: World, ...path: string[]): Promise<string> {
  const folder = join(w.dataDir, 'images', ...path);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'disk.raw'), Buffer.alloc(64 * 1024, 1));
  return folder;
}

const there = (folders: readonly string[]): Promise<boolean[]> => Promise.all(folders.map((folder) => exists(folder)));

test('images and versions without a record, failed ones, and what dead builds left', async (t) => {
  const w = await world(t);
  await buildImage(w, input('good'));
  w.fakes.run = () => Promise.reject(new ContainerBuildError('CONTAINER_BUILD_FAILED', 'no'));
  await buildImage(w, input('bad'));
  const account = WHO.accountId;
  const residue = [
    await leave(w, account, 'never-was', '1.0'),
    await leave(w, account, 'good', '2.0'), // a version without a record
    await leave(w, account, 'bad', '1.0'), // a build that failed, whose files could not be removed
    await leave(w, account, 'good', '1.0', 'work'), // of a build that is done
    await leave(w, account, '.gone-0'), // on the way out when a daemon died
    await leave(w, '999988887777', 'web', '1.0'), // another account's
  ];
  const alive = (await readdir(join(w.dataDir, 'images', account, 'good', '1.0'))).filter((name) => name !== 'work');

  assert.deepEqual(await offered(w.images.garbage, account), ['image-files 1', 'image-files 1', 'image-files 1', 'temporary-files 1', 'temporary-files 1']);
  assert.deepEqual(await there(residue), residue.map(() => true), 'looking removes nothing');
  const removed = await removeAll(w.images.garbage, account);
  for (const { count, bytes } of removed) assert.ok(count === 1 && bytes >= 64 * 1024, JSON.stringify(removed));
  assert.deepEqual(await there(residue), [false, false, false, false, false, true], 'the other account’s is not this one’s to remove');
  await removeAll(w.images.garbage);
  assert.deepEqual(await there(residue), residue.map(() => false));

  assert.deepEqual(await offered(w.images.garbage), [], 'no more');
  assert.deepEqual(await readdir(join(w.dataDir, 'images', account, 'good', '1.0')), alive);
  assert.equal(w.images.launchable(WHO, arnOf('good')).version, '1.0');
  assert.deepEqual((await readdir(join(w.dataDir, 'images', account))).filter((name) => name.startsWith('.')), [], 'nothing of the removal itself is left');
});

test('a build under way, an image that is being deleted, and a deletion that failed are left alone', async (t) => {
  const w = await world(t);
  await buildImage(w, input('deleting'));
  await buildImage(w, input('stuck'));
  let building = false;
  w.fakes.run = ({ signal }) => {
    building = true;
    return untilAborted(signal);
  };
  w.images.create(WHO, input('building'));
  await until(() => building);
  w.store.updateImage(arnOf('deleting'), { state: 'DELETING' });
  w.store.updateVersion(arnOf('stuck'), '1.0', { state: 'DELETE_FAILED' });
  assert.deepEqual(await removeAll(w.images.garbage), []);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, 'building', '1.0', 'work'), true);
});

test('an image that is made between the look and the removal is not touched', async (t) => {
  const w = await world(t);
  const folder = await leave(w, WHO.accountId, 'app', '1.0');
  const [piece] = await w.images.garbage(WHO.accountId);
  await buildImage(w, input('app'));
  assert.deepEqual(await piece?.remove(), { count: 0, bytes: 0 });
  assert.equal(await exists(folder, 'template'), true);
  assert.equal(w.images.launchable(WHO, arnOf('app')).version, '1.0');
});

test('no folder, no garbage', async (t) => {
  const w = await world(t);
  assert.deepEqual(await imageGarbage({ store: w.store, dataDir: join(w.dataDir, 'none'), region: 'us-east-1' })(undefined), []);
});
