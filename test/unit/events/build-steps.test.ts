import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildStepEvent } from '../../../src/events/contracts.js';
import { buildImage, input, until, withHooks, world } from '../images/support/world.js';
import { Fakes } from '../images/support/fakes.js';
import { ACCOUNT, IMAGE, recorded } from './support.js';

test('a build tells of each step as it begins and ends, those that do not apply left out', async (t) => {
  const told: BuildStepEvent[] = [];
  const w = await world(t, { stepChanged: (step) => void told.push(step) });
  const { build } = await buildImage(w, input('app', withHooks('DISABLED')));
  const steps = ['fetch', 'build', 'boot', 'ready', 'snapshot', 'tidy'];
  assert.deepEqual(told.map(({ step, status }) => [step, status]), steps.flatMap((step) => [[step, 'STARTED'], [step, 'SUCCEEDED']]));
  assert.ok(told.every(({ status, durationMs }) => (status === 'STARTED' ? durationMs === null : typeof durationMs === 'number')));
  assert.deepEqual(new Set(told.map(({ buildId }) => buildId)), new Set([build.buildId]));
});

test('a step that fails is told, and none after it', async (t) => {
  const told: string[] = [];
  const fakes = new Fakes();
  const w = await world(t, { stepChanged: ({ step, status }) => void told.push(`${step} ${status}`), objects: { open: () => Promise.reject(new Error('away')) } }, fakes);
  const { version } = await buildImage(w);
  assert.equal(version.state, 'FAILED');
  assert.deepEqual(told, ['fetch STARTED', 'fetch FAILED']);
});

test('a build that the daemon’s stop ends has not failed', async (t) => {
  const told: string[] = [];
  const w = await world(t, { stepChanged: ({ step, status }) => void told.push(`${step} ${status}`), limits: { settleMs: 3_600_000 } });
  w.images.create({ accountId: '111122223333', accessKeyId: 'AKIA' }, input());
  await until(() => told.includes('ready STARTED'));
  await w.images.shutdown();
  assert.equal(told.at(-1), 'ready STARTED');
});

test('a step becomes an event of the account; one that cannot be written does not stop the build', async () => {
  const w = await recorded();
  const step: BuildStepEvent = { accountId: ACCOUNT, imageArn: IMAGE, imageVersion: '1.0', buildId: 'b', step: 'fetch', status: 'SUCCEEDED', durationMs: 12 };
  w.recorder.buildStep(step);
  const { accountId, ...detail } = step;
  assert.deepEqual(w.events(accountId).map(({ type, detail: told }) => [type, told]), [['MicroVM Image Build Step', detail]]);
  await w.close();
  w.recorder.buildStep(step);
  assert.equal(w.errors.length, 1);
});
