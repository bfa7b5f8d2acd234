/** The recorded steps of builds: of those that succeed, fail, and begin anew under the next daemon. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../src/store/sqlite/open.js';
import { ContainerBuildError } from '../../../src/builder/contracts.js';
import { untilAborted } from '../../support/until-aborted.js';
import { Fakes } from './support/fakes.js';
import { scratch } from './support/scratch.js';
import { arnOf, buildImage, input, outcome, until, WHO, withHooks, world } from './support/world.js';

test('every step in order, one after the other', async (t) => {
  const w = await world(t);
  const { build } = await buildImage(w, input('app', withHooks('ENABLED', 'ENABLED')));
  const steps = w.images.buildSteps(WHO, arnOf('app'), '1.0', build.buildId);
  assert.deepEqual(steps.map(({ name }) => name), ['fetch', 'build', 'boot', 'ready', 'snapshot', 'validate', 'tidy']);
  assert.deepEqual(new Set(steps.map(({ status }) => status)), new Set(['SUCCEEDED']));
  let before = build.createdAt;
  for (const { startedAt, endedAt = NaN } of steps) {
    assert.ok(before <= startedAt && startedAt <= endedAt, 'in order and not overlapping');
    before = endedAt;
  }
  const unknown = (): unknown => w.images.buildSteps({ accountId: '999999999999', accessKeyId: 'x' }, arnOf('app'), '1.0', build.buildId);
  assert.throws(unknown, { name: 'NotFoundError' });
});

test('of a build that fails the last is FAILED and has an end', async (t) => {
  const fakes = new Fakes();
  fakes.run = () => Promise.reject(new ContainerBuildError('CONTAINER_BUILD_FAILED', 'no'));
  const w = await world(t, {}, fakes);
  const { build } = await buildImage(w);
  const steps = w.images.buildSteps(WHO, arnOf('app'), '1.0', build.buildId);
  assert.deepEqual(steps.map(({ name, status }) => [name, status]), [['fetch', 'SUCCEEDED'], ['build', 'FAILED']]);
  assert.ok((steps[1]?.endedAt ?? 0) >= (steps[1]?.startedAt ?? Infinity));
});

test('while it runs the last is RUNNING; the next daemon begins anew, and records only what it does', async (t) => {
  const dataDir = await scratch(t);
  const store = openStore(join(dataDir, 'db.sqlite'));
  t.after(() => store.close());
  const fakes = new Fakes();
  let building = false;
  // Until the daemon ends.
  fakes.run = ({ signal }) => {
    building = true;
    return untilAborted(signal);
  };
  const first = await world(t, { dataDir, store }, fakes);
  first.images.create(WHO, input());
  await until(() => building);
  const [build] = first.images.listBuilds(WHO, arnOf('app'), '1.0', { limit: 1 }).items;
  assert.deepEqual(store.buildSteps(build?.buildId ?? '').map(({ name, status }) => [name, status]), [['fetch', 'SUCCEEDED'], ['build', 'RUNNING']]);
  await first.images.shutdown();
  const second = await world(t, { dataDir, store });
  await second.images.start();
  await until(() => second.images.get(WHO, arnOf('app')).state === 'CREATED');
  const end = await outcome(second);
  assert.equal(end.build.attempts, 2);
  assert.deepEqual(store.buildSteps(end.build.buildId).map(({ name, status }) => [name, status]), ['fetch', 'build', 'boot', 'ready', 'snapshot', 'tidy'].map((name) => [name, 'SUCCEEDED']));
});
