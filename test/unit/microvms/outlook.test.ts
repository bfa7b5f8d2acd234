import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { NotFoundError } from '../../../src/errors/index.js';
import { START, WHO, World } from './fakes.js';

const policy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 300, autoResumeEnabled: true };

describe('outlook', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  it('of a running one: the idle window from its last byte, then its lifetime', async () => {
    const id = await world.running({ idlePolicy: policy });
    world.clock.advance(10_000);
    world.microvms.touch(id);
    const { lastActivityAt, transitions } = world.microvms.outlook(WHO, id);
    assert.equal(lastActivityAt, START + 10_000);
    assert.deepEqual(transitions.map(({ to, at }) => [to, at]), [['SUSPENDED', START + 70_000], ['TERMINATED', START + 28_800_000]]);
    assert.match(transitions[0]?.because ?? '', /^maxIdleDurationSeconds is 60/);
  });

  it('is told in the wall clock\'s time after that was set', async () => {
    const id = await world.running({ idlePolicy: policy });
    world.clock.jump(3_600_000);
    assert.equal(world.microvms.outlook(WHO, id).transitions[0]?.at, START + 3_600_000 + 60_000);
  });

  it('of a suspended one: its window', async () => {
    const id = await world.suspended({ idlePolicy: policy });
    const { lastActivityAt, transitions } = world.microvms.outlook(WHO, id);
    assert.equal(lastActivityAt, undefined);
    assert.deepEqual(transitions[0], { to: 'TERMINATED', at: START + 300_000, because: 'suspendedDurationSeconds is 300, counted from its suspend; a request resumes it before' });
  });

  it('says that idleness ends one whose suspended window is 0', async () => {
    const id = await world.running({ idlePolicy: { ...policy, suspendedDurationSeconds: 0 } });
    assert.equal(world.microvms.outlook(WHO, id).transitions[0]?.to, 'TERMINATED');
  });

  it('of one that ended: nothing; of another account\'s: not found', async () => {
    const id = await world.running();
    await world.microvms.terminate(WHO, id);
    await world.reaches(id, 'TERMINATED');
    assert.deepEqual(world.microvms.outlook(WHO, id), { transitions: [] });
    assert.throws(() => world.microvms.outlook({ ...WHO, accountId: '111111111111' }, id), NotFoundError);
  });
});
