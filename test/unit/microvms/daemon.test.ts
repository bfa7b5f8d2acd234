import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Fault } from '../../../src/errors/index.js';
import type { MicrovmState } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
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
      maximumDurationInSeconds: 28_800, ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: START, startedSteady: START,
      resumeOnStart: false, ...over,
    });
    await mkdir(world.dirOf(id), { recursive: true });
  };

  it('takes over what runs, and ends what does not; stray folders go', async () => {
    for (const id of ['microvm-lives', 'microvm-dead']) await leave(id, 'RUNNING');
    world.survivors.add('microvm-lives');
    await mkdir(join(world.dataDir, 'microvms', 'stray'), { recursive: true });
    await world.microvms.start();
    assert.equal(world.state('microvm-lives'), 'RUNNING');
    await world.reaches('microvm-dead', 'TERMINATED');
    assert.equal(world.store.getMicrovm('microvm-dead')?.stateReason, 'The virtual machine of the MicroVM ended while the service was down.');
    await until(() => !existsSync(world.dirOf('microvm-dead')), 'folder');
    assert.deepEqual(await readdir(join(world.dataDir, 'microvms')), ['microvm-lives']);
    (await world.microvms.connect('microvm-lives', 8080).catch(() => undefined))?.destroy();
    assert.equal(world.linksHeld, 1);
    assert.deepEqual(world.hookCalls, [], 'nobody is told of a new daemon');
    world.guest.exit('killed');
    await world.reaches('microvm-lives', 'TERMINATED');
    assert.equal(world.linksHeld, 0);
  });

  it('begins a launch anew, with its payload, which it then forgets', async () => {
    world.gates.set('wake', new Gate());
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE, runHookPayload: 'secret' });
    await until(() => world.count('wake') === 1, 'wake');
    // This daemon dies here; its queue is never heard of again.
    world.gates.clear();
    world.restart();
    await world.microvms.start();
    await world.reaches(id, 'RUNNING');
    assert.equal(world.hookCalls.length, 1);
    assert.deepEqual(JSON.parse(world.hookCalls[0]?.body ?? ''), { microvmId: id, runHookPayload: 'secret' });
    await until(() => world.store.runHookPayload(id) === undefined, 'forgotten');
  });

  it('begins a suspend anew when the VM lives', async () => {
    await leave('microvm-a', 'SUSPENDING');
    world.survivors.add('microvm-a');
    await world.microvms.start();
    await world.reaches('microvm-a', 'SUSPENDED');
    assert.deepEqual(world.calls.slice(0, 4), ['adopt', 'settle', '/suspend', 'suspend']);
  });

  it('ends a suspend that is all on disk as SUSPENDED, and one that is not as TERMINATED', async () => {
    await leave('microvm-whole', 'SUSPENDING');
    await leave('microvm-half', 'SUSPENDING');
    world.suspensions.add('microvm-whole');
    await world.microvms.start();
    await world.reaches('microvm-whole', 'SUSPENDED');
    await world.reaches('microvm-half', 'TERMINATED');
    assert.equal(world.count('/suspend'), 0);
    await world.microvms.resume(WHO, 'microvm-whole');
    assert.equal(world.state('microvm-whole'), 'RUNNING');
  });

  it('leaves a suspended one alone, also when it was being resumed', async () => {
    await leave('microvm-s', 'SUSPENDED', { suspendedAt: START });
    await world.microvms.start();
    assert.equal(world.state('microvm-s'), 'SUSPENDED');
    assert.deepEqual(world.calls, []);
    await world.microvms.resume(WHO, 'microvm-s');
    assert.equal(world.state('microvm-s'), 'RUNNING');
  });

  it('goes on ending what was ending, and tells a guest that still runs', async () => {
    for (const id of ['microvm-lives', 'microvm-dead']) await leave(id, 'TERMINATING', { stateReason: 'Success.' });
    world.survivors.add('microvm-lives');
    await world.microvms.start();
    for (const id of ['microvm-lives', 'microvm-dead']) {
      await world.reaches(id, 'TERMINATED');
      assert.equal(world.store.getMicrovm(id)?.stateReason, 'Success.');
    }
    assert.equal(world.count('/terminate'), 1);
    assert.equal(world.runningVms + world.linksHeld, 0);
  });

  it('at a stop that keeps guests, leaves them running, and their limits hold in the next daemon', async () => {
    const id = await world.running({ idlePolicy: { ...policy, autoResumeEnabled: true }, maximumDurationInSeconds: 200 });
    world.clock.advance(10_000);
    world.microvms.touch(id);
    await world.microvms.shutdown('keep');
    assert.equal(world.state(id), 'RUNNING');
    assert.equal(world.count('detach'), 1);
    assert.deepEqual([world.count('/suspend'), world.count('stop'), world.clock.waiting, world.logsOpen], [0, 0, 0, 0]);
    world.survivors.add(id);
    world.linksHeld = 0; // it is the host's now
    world.clock.jump(3_600_000); // somebody sets the clock, which must not matter
    world.clock.advance(20_000);
    world.restart();
    await world.microvms.start();
    world.clock.advance(39_999);
    assert.equal(world.state(id), 'RUNNING', '59.999 s after the last byte');
    world.clock.advance(1);
    await world.reaches(id, 'SUSPENDED');
    world.clock.advance(0);
    await world.reaches(id, 'TERMINATED');
  });

  it('finishes steps under way before it leaves', async () => {
    const gate = new Gate();
    world.gates.set('/run', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await until(() => world.count('/run') === 1, '/run');
    const closing = world.microvms.shutdown('keep');
    gate.open();
    await closing;
    assert.equal(world.state(id), 'RUNNING');
  });

  it('leaves a step that takes too long half-done, and is told of its end no more', async () => {
    const gate = new Gate();
    world.gates.set('/run', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await until(() => world.count('/run') === 1, '/run');
    const closing = world.microvms.shutdown('keep');
    world.clock.advance(5_000);
    await closing;
    world.failures.set('/run', new Error('the agent is gone'));
    const path = join(world.dataDir, 'records.db');
    world.store.close();
    gate.open();
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.equal(world.clock.waiting, 0, 'nothing is written again and again into a closed store');
    world.store = openStore(path);
    assert.equal(world.state(id), 'PENDING');
  });

  for (const guests of ['keep', 'suspend'] as const) {
    it(`gives a record that could not be written a last try, then none (${guests})`, async () => {
      const id = await world.running();
      const update = world.store.updateMicrovm.bind(world.store);
      let refuse = true;
      world.store.updateMicrovm = (...args) => {
        if (refuse) throw new Error('disk full');
        update(...args);
      };
      world.guest.exit('killed');
      await until(() => world.linksHeld === 0, 'ended');
      assert.equal(world.state(id), 'RUNNING');
      refuse = false;
      await world.microvms.shutdown(guests);
      assert.equal(world.state(id), 'TERMINATED');
      assert.equal(world.clock.waiting, 0);
    });
  }

  it('forgets a MicroVM whose request was rolled back', async () => {
    let id = '';
    assert.throws(() => world.store.transaction(() => {
      id = world.microvms.run(WHO, { imageArn: IMAGE }).id;
      throw new Error('no room for the client token');
    }), /no room/);
    await until(() => world.clock.waiting === 0, 'its timers are disarmed');
    assert.throws(() => world.microvms.get(WHO, id), /does not exist|not found/i);
    assert.equal(world.count('launch'), 0);
  });

  it('ends at the start what outlived its time meanwhile', async () => {
    await leave('microvm-old', 'SUSPENDED', { suspendedAt: START, startedSteady: START - 28_800_000 });
    await world.microvms.start();
    world.clock.advance(0);
    await world.reaches('microvm-old', 'TERMINATED');
    assert.equal(world.store.getMicrovm('microvm-old')?.stateReason, 'MicroVM exceeded maximum lifetime.');
  });

  it('suspends what runs at shutdown and resumes that, and only that, at the next start', async () => {
    const running = await world.running({ idlePolicy: policy });
    const suspended = await world.suspended();
    await world.microvms.shutdown('suspend');
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
    await world.microvms.shutdown('suspend');
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
    const closing = world.microvms.shutdown('suspend');
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
    const closing = world.microvms.shutdown('suspend');
    world.clock.advance(5_000);
    await closing;
    assert.equal(world.state(id), 'TERMINATED');
    assert.equal(world.runningVms + world.linksHeld, 0);
    assert.equal(existsSync(world.dirOf(id)), false);
  });

  it('terminates what cannot be suspended at shutdown', async () => {
    const id = await world.running();
    world.failures.set('suspend', new Error('disk full'));
    await world.microvms.shutdown('suspend');
    assert.equal(world.state(id), 'TERMINATED');
    assert.match(world.store.getMicrovm(id)?.stateReason ?? '', /could not be suspended/);
    assert.equal(world.runningVms + world.linksHeld, 0);
  });

  it('lets nothing begin after shutdown, also no request that waited', async () => {
    const id = await world.running({ idlePolicy: { ...policy, autoResumeEnabled: true } });
    const gate = new Gate();
    world.gates.set('suspend', gate);
    const closing = world.microvms.shutdown('suspend');
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
    const closing = world.microvms.shutdown('suspend');
    gate.open();
    await Promise.all([connecting, closing]);
    assert.equal(world.runningVms, 0);
    assert.equal(world.state(id), 'SUSPENDED');
  });
});
