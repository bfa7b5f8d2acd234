import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Fault } from '../../../src/errors/index.js';
import type { MicrovmState } from '../../../src/store/contracts.js';
import { Gate, IMAGE, START, until, WHO, World } from './fakes.js';

const policy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: false };

describe('start and shutdown', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  /** A record as a daemon that died left it, with its folder. */
  const leave = async (id: string, state: MicrovmState, over: object = {}): Promise<void> => {
    world.store.insertMicrovm({
      id, accountId: WHO.accountId, endpointLabel: `label-${id}`, state, imageArn: IMAGE, imageVersion: '1.0',
      maximumDurationInSeconds: 28_800, ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: START,
      resumeOnStart: false, ...over,
    });
    await mkdir(world.dirOf(id), { recursive: true });
  };

  it('ends what ran, finishes what was ending, keeps what was suspended, removes stray folders', async () => {
    for (const state of ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED'] as const) await leave(`microvm-${state}`, state, { suspendedAt: START });
    await leave('microvm-TERMINATING', 'TERMINATING', { stateReason: 'Success.' });
    await mkdir(join(world.dataDir, 'microvms', 'stray'), { recursive: true });
    await world.microvms.start();
    for (const state of ['PENDING', 'RUNNING', 'SUSPENDING']) {
      const record = world.store.getMicrovm(`microvm-${state}`);
      assert.equal(record?.state, 'TERMINATED');
      assert.equal(record.stateReason, 'The service restarted while the MicroVM was running.');
      assert.equal(record.terminatedAt, START);
    }
    assert.equal(world.store.getMicrovm('microvm-TERMINATING')?.state, 'TERMINATED');
    assert.equal(world.store.getMicrovm('microvm-TERMINATING')?.stateReason, 'Success.');
    assert.equal(world.state('microvm-SUSPENDED'), 'SUSPENDED');
    assert.deepEqual(await readdir(join(world.dataDir, 'microvms')), ['microvm-SUSPENDED']);
    assert.deepEqual(world.calls, [], 'no hook, no VM');
    await world.microvms.resume(WHO, 'microvm-SUSPENDED');
    assert.equal(world.state('microvm-SUSPENDED'), 'RUNNING');
  });

  it('ends at the start what outlived its time meanwhile', async () => {
    await leave('microvm-old', 'SUSPENDED', { suspendedAt: START, startedAt: START - 28_800_000 });
    await world.microvms.start();
    world.clock.advance(0);
    await world.reaches('microvm-old', 'TERMINATED');
    assert.equal(world.store.getMicrovm('microvm-old')?.stateReason, 'MicroVM exceeded maximum lifetime.');
  });

  it('suspends what runs at shutdown and resumes that, and only that, at the next start', async () => {
    const running = await world.running({ idlePolicy: policy });
    const suspended = await world.suspended();
    await world.microvms.shutdown();
    assert.equal(world.state(running), 'SUSPENDED');
    assert.equal(world.store.getMicrovm(running)?.resumeOnStart, true);
    assert.equal(world.store.getMicrovm(suspended)?.resumeOnStart, false);
    assert.equal(world.runningVms + world.linksHeld + world.logsOpen + world.clock.waiting, 0);
    world.clock.advance(1_000_000);
    world.restart();
    await world.microvms.start();
    await world.reaches(running, 'RUNNING');
    assert.equal(world.store.getMicrovm(running)?.resumeOnStart, false);
    assert.equal(world.state(suspended), 'SUSPENDED');
  });

  it('lets traffic resume what the shutdown suspended, whatever its policy', async () => {
    const id = await world.running({ idlePolicy: policy });
    await world.microvms.shutdown();
    world.restart();
    world.failures.set('resume', new Error('broken'));
    await world.microvms.start();
    await until(() => world.count('resume') === 1 && world.linksHeld === 0, 'failed resume');
    (await world.microvms.connect(id, 8080)).destroy();
    assert.equal(world.state(id), 'RUNNING');
  });

  it('waits for a launch at shutdown, then suspends it', async () => {
    const gate = new Gate();
    world.gates.set('/run', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    const closing = world.microvms.shutdown();
    await until(() => world.count('/run') === 1, '/run');
    gate.open();
    await closing;
    assert.equal(world.store.getMicrovm(id)?.resumeOnStart, true);
    assert.equal(world.runningVms, 0);
  });

  it('terminates a launch that does not end in time', async () => {
    world.gates.set('/run', new Gate());
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await until(() => world.count('/run') === 1, '/run');
    const closing = world.microvms.shutdown();
    world.clock.advance(5_000);
    await closing;
    assert.equal(world.state(id), 'TERMINATED');
    assert.equal(world.runningVms + world.linksHeld, 0);
    assert.equal(existsSync(world.dirOf(id)), false);
  });

  it('terminates what cannot be suspended at shutdown', async () => {
    const id = await world.running();
    world.failures.set('suspend', new Error('disk full'));
    await world.microvms.shutdown();
    assert.equal(world.state(id), 'TERMINATED');
    assert.match(world.store.getMicrovm(id)?.stateReason ?? '', /could not be suspended/);
    assert.equal(world.runningVms + world.linksHeld, 0);
  });

  it('lets nothing begin after shutdown, also no request that waited', async () => {
    const id = await world.running({ idlePolicy: { ...policy, autoResumeEnabled: true } });
    const gate = new Gate();
    world.gates.set('suspend', gate);
    const closing = world.microvms.shutdown();
    await until(() => world.count('suspend') === 1, 'suspend');
    assert.throws(() => world.microvms.run(WHO, { imageArn: IMAGE }), Fault);
    await assert.rejects(world.microvms.resume(WHO, id), Fault);
    await assert.rejects(world.microvms.suspend(WHO, id), Fault);
    await assert.rejects(world.microvms.connect(id, 8080), Fault);
    gate.open();
    await closing;
    assert.equal(world.runningVms, 0);
  });

  it('turns away a request that waited for the suspend of the shutdown', async () => {
    const id = await world.running({ idlePolicy: { ...policy, autoResumeEnabled: true } });
    const gate = new Gate();
    world.gates.set('suspend', gate);
    await world.microvms.suspend(WHO, id);
    const connecting = assert.rejects(world.microvms.connect(id, 8080));
    const closing = world.microvms.shutdown();
    gate.open();
    await Promise.all([connecting, closing]);
    assert.equal(world.runningVms, 0);
    assert.equal(world.state(id), 'SUSPENDED');
  });
});
