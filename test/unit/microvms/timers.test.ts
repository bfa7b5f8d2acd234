import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nextDeadline, type TimedFacts } from '../../../src/microvms/timers.js';
import { START, until, World } from './fakes.js';

const policy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 300, autoResumeEnabled: true };

describe('nextDeadline', () => {
  const facts = (record: Partial<TimedFacts['record']>, over: Partial<TimedFacts> = {}): TimedFacts => ({
    record: { state: 'RUNNING', startedSteady: 1_000, maximumDurationInSeconds: 28_800, idlePolicy: policy, resumeOnStart: false, ...record },
    lastActivity: 5_000, resuming: false, ...over,
  });
  const lifetime = { at: 1_000 + 28_800_000, event: 'lifetimeOver' };

  it('is the idle window while running, the suspended window while suspended, else the lifetime', () => {
    assert.deepEqual(nextDeadline(facts({})), { at: 65_000, event: 'idle' });
    assert.deepEqual(nextDeadline(facts({ state: 'SUSPENDED', suspendedAt: 7_000 })), { at: 307_000, event: 'suspendedTooLong' });
    for (const state of ['PENDING', 'SUSPENDING'] as const) assert.deepEqual(nextDeadline(facts({ state })), lifetime);
    assert.deepEqual(nextDeadline(facts({ idlePolicy: undefined })), lifetime);
    assert.deepEqual(nextDeadline(facts({ idlePolicy: undefined, state: 'SUSPENDED', suspendedAt: 1 })), lifetime);
  });

  it('is the lifetime when that comes first or at the same time', () => {
    assert.deepEqual(nextDeadline(facts({ maximumDurationInSeconds: 64 })), { at: 65_000, event: 'lifetimeOver' });
    assert.deepEqual(nextDeadline(facts({ maximumDurationInSeconds: 65 })), { at: 65_000, event: 'idle' });
  });

  it('does not end by its suspended window what is being resumed or will be at the next start', () => {
    const suspended = { state: 'SUSPENDED', suspendedAt: 7_000 } as const;
    assert.deepEqual(nextDeadline(facts(suspended, { resuming: true })), lifetime);
    assert.deepEqual(nextDeadline(facts({ ...suspended, resumeOnStart: true })), lifetime);
  });

  it('is nothing for what ends', () => {
    for (const state of ['TERMINATING', 'TERMINATED'] as const) assert.equal(nextDeadline(facts({ state })), undefined);
  });
});

describe('timers', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  it('suspends after the idle window, which activity moves', async () => {
    const id = await world.running({ idlePolicy: policy });
    world.clock.advance(59_000);
    world.microvms.touch(id);
    world.clock.advance(59_999);
    assert.equal(world.microvms.get({ accountId: '000000000000', accessKeyId: '' }, id).state, 'RUNNING');
    world.clock.advance(1);
    await world.reaches(id, 'SUSPENDED');
    assert.equal(world.count('/suspend'), 1);
  });

  it('waits another window when the suspend failed', async () => {
    const id = await world.running({ idlePolicy: policy });
    world.failures.set('suspend', new Error('disk full'));
    world.clock.advance(60_000);
    await until(() => world.count('suspend') === 1 && world.state(id) === 'RUNNING', 'running again');
    world.clock.advance(59_999);
    await new Promise(setImmediate);
    assert.equal(world.count('suspend'), 1);
    world.clock.advance(1);
    await world.reaches(id, 'SUSPENDED');
  });

  it('terminates after the suspended window, without a hook', async () => {
    const id = await world.suspended({ idlePolicy: policy });
    world.clock.advance(299_999);
    assert.equal(world.state(id), 'SUSPENDED');
    world.clock.advance(1);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.store.getMicrovm(id)?.stateReason, 'MicroVM exceeded maximum suspended duration.');
    assert.equal(world.clock.waiting, 0);
  });

  it('terminates at the suspend when the suspended window is 0', async () => {
    const id = await world.suspended({ idlePolicy: { ...policy, suspendedDurationSeconds: 0 } });
    world.clock.advance(0);
    await world.reaches(id, 'TERMINATED');
  });

  for (const state of ['running', 'suspended'] as const) {
    it(`terminates a ${state} one when its lifetime is over`, async () => {
      const id = await world[state]({ maximumDurationInSeconds: 100 });
      world.clock.advance(START + 99_999 - world.clock.now());
      assert.notEqual(world.state(id), 'TERMINATING');
      world.clock.advance(1);
      await world.reaches(id, 'TERMINATED');
      assert.equal(world.store.getMicrovm(id)?.stateReason, 'MicroVM exceeded maximum lifetime.');
      assert.equal(world.count('/terminate'), state === 'running' ? 1 : 0);
    });
  }
});
