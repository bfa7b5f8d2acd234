/** Timelines of launches and resumes, with a clock of the test's own. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { LaunchRecord } from '../../../src/store/contracts.js';
import { IMAGE, START, until, WHO, World } from './fakes.js';

const AUTO = { idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: true } };

/** Each phase as "name start+duration". */
const shown = ({ kind, outcome, phases }: LaunchRecord): string => `${kind} ${outcome}: ${phases.map(({ name, startMs, durationMs }) => `${name} ${startMs}+${durationMs}`).join(', ')}`;

describe('launch timelines', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
    // Each step of the layers below takes so long.
    world.takes = new Map([['link', 1], ['launch', 20], ['wake', 300], ['/run', 4_000], ['resume', 50_000], ['/resume', 600_000]]);
  });
  afterEach(() => world.destroy());
  const launches = (id: string): string[] => world.microvms.launches(WHO, id).map(shown);

  it('of a launch: phases follow each other, and each is what happened in it', async () => {
    const id = await world.running();
    assert.deepEqual(launches(id), ['RUN SUCCEEDED: queue 0+1, restore 1+20, fault-in 21+300, hook 321+4000']);
    assert.equal(world.microvms.launches(WHO, id)[0]?.startedAt, START);
    assert.deepEqual(world.phases, ['RUN queue 0.001', 'RUN restore 0.02', 'RUN fault-in 0.3', 'RUN hook 4']);
  });

  it('a request that waited for the launch has its first byte in it, however late', async () => {
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await world.microvms.connect(id, 8080);
    world.elapsed += 59_000;
    world.microvms.answered(id);
    assert.deepEqual(launches(id), ['RUN SUCCEEDED: queue 0+1, restore 1+20, fault-in 21+300, hook 321+4000, first-byte 4321+59000']);
    world.microvms.answered(id);
    assert.equal(world.phases.filter((phase) => phase.startsWith('RUN first-byte')).length, 1, 'only the first answer');
  });

  it('one that came later has it only when it came at once', async () => {
    const soon = await world.running();
    world.elapsed += 1_999;
    world.microvms.answered(soon);
    const late = await world.running();
    world.elapsed += 2_001;
    world.microvms.answered(late);
    assert.match(launches(soon)[0] ?? '', /first-byte 4321\+1999$/);
    assert.doesNotMatch(launches(late)[0] ?? '', /first-byte/);
  });

  it('of a resume by traffic: the request that woke it waited; a launch before it stays', async () => {
    const id = await world.suspended(AUTO);
    await world.microvms.connect(id, 8080);
    world.elapsed += 7;
    world.microvms.answered(id);
    assert.deepEqual(launches(id), [
      'RESUME SUCCEEDED: queue 0+1, restore 1+50000, fault-in 50001+300, hook 50301+600000, first-byte 650301+7',
      'RUN SUCCEEDED: queue 0+1, restore 1+20, fault-in 21+300, hook 321+4000',
    ]);
  });

  it('of what failed: up to the phase it failed in, and no metric', async () => {
    world.hookOutcomes.set('run', { kind: 'status', status: 500 });
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await world.reaches(id, 'TERMINATED');
    assert.deepEqual(launches(id), ['RUN FAILED: queue 0+1, restore 1+20, fault-in 21+300, hook 321+4000']);
    assert.deepEqual(world.phases, []);
  });

  it('a resume that fails leaves the next one a timeline of its own', async () => {
    const id = await world.suspended(AUTO);
    world.failures.set('resume', new Error('no'));
    await assert.rejects(world.microvms.resume(WHO, id));
    await until(() => launches(id).length === 2, 'the failure is recorded');
    await world.microvms.resume(WHO, id);
    assert.deepEqual(launches(id).map((line) => line.split(',').slice(0, 2).join()), [
      'RESUME SUCCEEDED: queue 0+1, restore 1+50000', 'RESUME FAILED: queue 0+1, restore 1+50000', 'RUN SUCCEEDED: queue 0+1, restore 1+20',
    ]);
  });

  it('keeps the last ten, also for the next daemon, and none of a launch that a terminate overtook is lost', async () => {
    const id = await world.running();
    for (let n = 0; n < 11; n++) {
      await world.microvms.suspend(WHO, id);
      await world.reaches(id, 'SUSPENDED');
      await world.microvms.resume(WHO, id);
    }
    assert.deepEqual(new Set(launches(id).map((line) => line.split(' ')[0])), new Set(['RESUME']));
    assert.equal(launches(id).length, 10);
    await world.microvms.terminate(WHO, id);
    await world.reaches(id, 'TERMINATED');
    world.restart();
    assert.equal(launches(id).length, 10);
    assert.throws(() => world.microvms.launches({ accountId: '111111111111', accessKeyId: 'x' }, id), { name: 'NotFoundError' });
  });

  it('a launch that was waited for is recorded by a daemon that ends before its first byte', async () => {
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await world.microvms.connect(id, 8080);
    await world.microvms.shutdown('keep');
    assert.equal(world.store.launchesOf(id).length, 1);
  });

  it('a store that takes nothing is logged and stops nothing', async () => {
    world.store.saveLaunch = () => {
      throw new Error('disk full');
    };
    const id = await world.running();
    await until(() => JSON.stringify(world.logged).includes('could not record how long a launch took'), 'logged');
    assert.equal(world.state(id), 'RUNNING');
  });
});
