import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ConflictError, Fault, ValidationError } from '../../../src/errors/index.js';
import { Gate, IMAGE, START, until, WHO, World } from './fakes.js';

describe('Suspend, Resume, Terminate', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  const settle = (id: string, state: 'RUNNING' | 'SUSPENDED' | 'TERMINATED'): Promise<void> => world.reaches(id, state);

  it('suspends: hook, checkpoint, link released, folder kept', async () => {
    const id = await world.running();
    world.calls.length = 0;
    world.clock.advance(1_000);
    await world.microvms.suspend(WHO, id);
    assert.equal(world.microvms.get(WHO, id).state, 'SUSPENDING');
    await settle(id, 'SUSPENDED');
    await until(() => world.linksHeld === 0, 'link released');
    assert.deepEqual(world.calls, ['/suspend', 'suspend', 'unlink']);
    assert.equal(world.hookCalls.at(-1)?.timeoutMs, 7_000);
    const record = world.microvms.get(WHO, id);
    assert.equal(record.suspendedAt, START + 1_000);
    assert.equal(record.resumeOnStart, false);
    assert.equal(world.runningVms + world.logsOpen, 0);
    assert.equal(existsSync(world.dirOf(id)), true);
    await world.microvms.suspend(WHO, id);
    assert.equal(world.count('suspend'), 1, 'suspending what is suspended does nothing');
  });

  it('resumes: link, engine, wake, hook; the state stays SUSPENDED until the hook answered', async () => {
    const id = await world.suspended();
    world.calls.length = 0;
    const gate = new Gate();
    world.gates.set('/resume', gate);
    const resuming = world.microvms.resume(WHO, id);
    await until(() => world.count('/resume') === 1, '/resume');
    assert.equal(world.microvms.get(WHO, id).state, 'SUSPENDED');
    gate.open();
    await resuming;
    assert.deepEqual(world.calls, ['link', 'internet', 'resume', 'wake', '/resume', 'settle']);
    const record = world.microvms.get(WHO, id);
    assert.equal(record.state, 'RUNNING');
    assert.equal(record.suspendedAt, undefined);
    await world.microvms.resume(WHO, id);
    assert.equal(world.count('resume'), 1, 'resuming what runs does nothing');
  });

  it('takes up the output where it was', async () => {
    const id = await world.running();
    await until(() => world.guest.events !== undefined, 'follow');
    world.guest.events?.onLog({ seq: 41, time: START, stream: 'stdout', text: 'before' });
    await world.microvms.suspend(WHO, id);
    await world.microvms.resume(WHO, id);
    assert.deepEqual(world.guest.followedAfter, [41]);
    world.guest.events?.onLog({ seq: 42, time: START - 5, stream: 'stdout', text: 'written just before the suspension' });
    assert.equal(world.lines.length, 2);
  });

  it('serialises calls: a resume during a suspend waits for it, a suspend during the resume for that', async () => {
    const id = await world.running();
    const gate = new Gate();
    world.gates.set('suspend', gate);
    await world.microvms.suspend(WHO, id);
    const resuming = world.microvms.resume(WHO, id);
    const suspending = world.microvms.suspend(WHO, id);
    assert.equal(world.count('resume'), 0);
    gate.open();
    await Promise.all([resuming, suspending]);
    await settle(id, 'SUSPENDED');
    assert.deepEqual(world.calls.filter((call) => call === 'suspend' || call === 'resume'), ['suspend', 'resume', 'suspend']);
  });

  it('resumes once however many ask', async () => {
    const id = await world.suspended();
    await Promise.all(Array.from({ length: 10 }, () => world.microvms.resume(WHO, id)));
    assert.equal(world.count('resume'), 1);
  });

  it('terminates when /suspend does not answer 200', async () => {
    const id = await world.running();
    world.hookOutcomes.set('suspend', { kind: 'status', status: 500 });
    await world.microvms.suspend(WHO, id);
    await settle(id, 'TERMINATED');
    assert.match(world.microvms.get(WHO, id).stateReason ?? '', /^Suspend lifecycle hook returned HTTP status 500\. Please check/);
    assert.equal(world.count('suspend'), 0);
    assert.equal(world.linksHeld + world.runningVms + world.clock.waiting, 0);
  });

  it('runs on when the engine cannot suspend, and can be suspended later', async () => {
    const id = await world.running();
    await until(() => world.guest.events !== undefined, 'follow');
    world.failures.set('suspend', new Error('disk full'));
    await world.microvms.suspend(WHO, id);
    await until(() => world.microvms.get(WHO, id).state === 'RUNNING', 'RUNNING');
    assert.equal(world.linksHeld, 1);
    assert.equal(world.guest.followedAfter.length, 2, 'its output is followed again');
    await world.microvms.suspend(WHO, id);
    await settle(id, 'SUSPENDED');
  });

  it('terminates when the VMM dies while it suspends', async () => {
    const id = await world.running();
    const gate = new Gate();
    world.gates.set('suspend', gate);
    world.failures.set('suspend', new Error('QMP closed'));
    await world.microvms.suspend(WHO, id);
    await until(() => world.count('suspend') === 1, 'suspend');
    world.guest.exit('killed');
    gate.open();
    await settle(id, 'TERMINATED');
    assert.equal(world.microvms.get(WHO, id).stateReason, 'The virtual machine of the MicroVM ended unexpectedly.');
    assert.equal(world.linksHeld, 0);
  });

  for (const step of ['link', 'resume']) {
    it(`stays suspended when a resume fails at ${step}, and can be resumed later`, async () => {
      const id = await world.suspended();
      world.failures.set(step, new Error('broken'));
      await assert.rejects(world.microvms.resume(WHO, id), Fault);
      assert.equal(world.microvms.get(WHO, id).state, 'SUSPENDED');
      assert.equal(world.linksHeld + world.runningVms, 0);
      assert.equal(world.count('suspend'), 1);
      await world.microvms.resume(WHO, id);
      assert.equal(world.microvms.get(WHO, id).state, 'RUNNING');
    });
  }

  for (const kind of ['waitUntilUp', '/resume', 'status', 'vmm', 'app'] as const) {
    it(`is as it was suspended when the guest ran and the resume failed (${kind})`, async () => {
      const id = await world.suspended();
      const suspendedAt = world.microvms.get(WHO, id).suspendedAt;
      world.clock.advance(5_000);
      if (kind === 'status') world.hookOutcomes.set('resume', { kind: 'status', status: 503 });
      else if (kind === 'waitUntilUp' || kind === '/resume') world.failures.set(kind, new Error('broken'));
      else world.gates.set('/resume', new Gate());
      if (kind === 'waitUntilUp') world.failures.set('wake', new Error('broken'));
      const resuming = assert.rejects(world.microvms.resume(WHO, id), Fault);
      if (kind === 'vmm' || kind === 'app') {
        await until(() => world.count('/resume') === 1 && world.guest.events !== undefined, '/resume');
        if (kind === 'vmm') world.guest.exit('killed');
        else world.guest.events?.onExit(3);
      }
      await resuming;
      const record = world.microvms.get(WHO, id);
      assert.deepEqual([record.state, record.suspendedAt], ['SUSPENDED', suspendedAt]);
      assert.match(record.stateReason ?? '', kind === 'status' ? /^Resume lifecycle hook returned HTTP status 503/ : /could not be resumed/);
      assert.equal(world.count('suspend'), 1, 'its run is undone, not suspended');
      assert.equal(world.count('settle'), 0, 'the suspension is not given up');
      assert.equal(world.linksHeld + world.runningVms + world.logsOpen, 0);
      world.hookOutcomes.clear();
      world.gates.clear();
      await world.microvms.resume(WHO, id);
      assert.equal(world.microvms.get(WHO, id).state, 'RUNNING');
      assert.equal(world.microvms.get(WHO, id).stateReason, undefined);
      assert.equal(world.count('settle'), 1);
    });
  }

  it('logs again what an undone run of the guest had logged', async () => {
    const id = await world.running();
    await until(() => world.guest.events !== undefined, 'follow');
    world.guest.events?.onLog({ seq: 7, time: START, stream: 'stdout', text: 'before' });
    await world.microvms.suspend(WHO, id);
    await settle(id, 'SUSPENDED');
    const gate = new Gate();
    world.gates.set('/resume', gate);
    world.failures.set('/resume', new Error('broken'));
    const resuming = assert.rejects(world.microvms.resume(WHO, id));
    await until(() => world.count('/resume') === 1, '/resume');
    world.guest.events?.onLog({ seq: 8, time: START, stream: 'stdout', text: 'undone' });
    gate.open();
    await resuming;
    await world.microvms.resume(WHO, id);
    assert.deepEqual(world.guest.followedAfter, [7]);
  });

  it('makes nothing of a resume until its record is on disk', async () => {
    const id = await world.suspended();
    const update = world.store.updateMicrovm.bind(world.store);
    let broken = true;
    world.store.updateMicrovm = (...args) => {
      if (broken && args[1].state === 'RUNNING') throw new Error('the disk is full');
      update(...args);
    };
    const resuming = world.microvms.resume(WHO, id);
    await until(() => world.count('/resume') === 1 && world.clock.waiting > 1, 'waiting for the disk');
    assert.equal(world.microvms.get(WHO, id).state, 'SUSPENDED');
    assert.equal(world.count('settle'), 0);
    broken = false;
    world.clock.advance(1_000);
    await resuming;
    assert.equal(world.state(id), 'RUNNING');
    assert.equal(world.count('settle'), 1);
  });

  it('refuses a suspend that cannot be recorded, and the guest runs on', async () => {
    const id = await world.running();
    const update = world.store.updateMicrovm.bind(world.store);
    world.store.updateMicrovm = () => {
      throw new Error('the disk is full');
    };
    await assert.rejects(world.microvms.suspend(WHO, id), /disk is full/);
    assert.equal(world.microvms.get(WHO, id).state, 'RUNNING');
    assert.equal(world.count('/suspend'), 0);
    assert.deepEqual(world.faults, ['store-unwritable']);
    world.store.updateMicrovm = update;
    await world.microvms.suspend(WHO, id);
    await settle(id, 'SUSPENDED');
  });

  it('ends in spite of a disk that takes no record, which follows later', async () => {
    const id = await world.running();
    const update = world.store.updateMicrovm.bind(world.store);
    world.store.updateMicrovm = () => {
      throw new Error('read-only');
    };
    await world.microvms.terminate(WHO, id);
    await until(() => world.count('unlink') === 1 && !existsSync(world.dirOf(id)), 'released');
    assert.equal(world.state(id), 'RUNNING', 'nothing could be recorded');
    await until(() => world.runningVms === 0, 'no VM');
    world.store.updateMicrovm = update;
    world.clock.advance(5_000);
    await settle(id, 'TERMINATED');
    assert.equal(world.store.getMicrovm(id)?.stateReason, 'Success.');
  });

  it('terminates a running one: hook, stop, link, folder', async () => {
    const id = await world.running();
    world.calls.length = 0;
    world.clock.advance(10);
    await world.microvms.terminate(WHO, id);
    assert.equal(world.microvms.get(WHO, id).state, 'TERMINATING');
    await world.microvms.terminate(WHO, id);
    await settle(id, 'TERMINATED');
    assert.deepEqual(world.calls, ['/terminate', 'stop', 'unlink']);
    const record = world.microvms.get(WHO, id);
    assert.equal(record.stateReason, 'Success.');
    assert.equal(record.terminatedAt, START + 10);
    assert.equal(existsSync(world.dirOf(id)), false);
    assert.equal(world.clock.waiting, 0);
    await world.microvms.terminate(WHO, id);
    assert.equal(world.count('/terminate'), 1);
  });

  it('terminates in spite of a hook, a VMM and a link that fail', async () => {
    const id = await world.running();
    for (const step of ['/terminate', 'stop', 'unlink']) world.failures.set(step, new Error('broken'));
    await world.microvms.terminate(WHO, id);
    await settle(id, 'TERMINATED');
    assert.equal(world.count('unlink'), 1);
    assert.equal(existsSync(world.dirOf(id)), false);
    assert.ok(world.logged.length >= 3);
  });

  it('does not wait for a hook of a guest whose VMM dies meanwhile', async () => {
    const id = await world.running();
    world.gates.set('/terminate', new Gate());
    await world.microvms.terminate(WHO, id);
    await until(() => world.count('/terminate') === 1, 'the hook');
    world.guest.exit();
    await settle(id, 'TERMINATED');
    assert.equal(world.microvms.get(WHO, id).stateReason, 'Success.');
  });

  it('terminates a suspended one without a hook and without its image', async () => {
    const id = await world.suspended();
    world.imageGone = true;
    await world.microvms.terminate(WHO, id);
    await settle(id, 'TERMINATED');
    assert.equal(world.count('/terminate'), 0);
    assert.equal(existsSync(world.dirOf(id)), false);
  });

  for (const step of ['/suspend', 'suspend'] as const) {
    it(`a terminate overtakes a suspend at ${step}`, async () => {
      const id = await world.running();
      const gate = new Gate();
      world.gates.set(step, gate);
      await world.microvms.suspend(WHO, id);
      await until(() => world.count(step) === 1, step);
      await world.microvms.terminate(WHO, id);
      gate.open();
      await settle(id, 'TERMINATED');
      assert.equal(world.linksHeld + world.runningVms + world.logsOpen, 0);
      assert.equal(existsSync(world.dirOf(id)), false);
      assert.equal(world.count('/terminate'), step === '/suspend' ? 1 : 0, 'only a guest that still runs is told');
    });
  }

  for (const step of ['link', 'resume', 'wake', '/resume']) {
    it(`a terminate overtakes a resume at ${step}`, async () => {
      const id = await world.suspended();
      const gate = new Gate();
      const before = world.count(step);
      world.gates.set(step, gate);
      const resuming = assert.rejects(world.microvms.resume(WHO, id), ConflictError);
      await until(() => world.count(step) === before + 1, step);
      await world.microvms.terminate(WHO, id);
      gate.open();
      await resuming;
      await settle(id, 'TERMINATED');
      assert.equal(world.microvms.get(WHO, id).stateReason, 'Success.');
      assert.equal(world.linksHeld + world.runningVms, 0);
      assert.equal(existsSync(world.dirOf(id)), false);
    });
  }

  it('an exit of the application terminates without /terminate', async () => {
    const id = await world.running();
    await until(() => world.guest.events !== undefined, 'follow');
    world.guest.events?.onExit(137);
    await settle(id, 'TERMINATED');
    assert.equal(world.microvms.get(WHO, id).stateReason, 'Container Stopped with Exit Code: 137');
    assert.equal(world.count('/terminate'), 0);
    assert.equal(world.linksHeld, 0);
  });

  it('an unexpected exit of the VMM terminates', async () => {
    const id = await world.running();
    world.guest.exit('qemu: killed');
    await settle(id, 'TERMINATED');
    assert.equal(world.count('/terminate'), 0, 'nobody is left to be told');
    assert.equal(world.linksHeld, 0);
  });

  it('refuses what the state does not allow', async () => {
    world.gates.set('launch', new Gate());
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await assert.rejects(world.microvms.suspend(WHO, id), ConflictError);
    await assert.rejects(world.microvms.resume(WHO, id), ConflictError);
    world.gates.get('launch')?.open();
    await settle(id, 'RUNNING');
    world.gates.set('/terminate', new Gate());
    await world.microvms.terminate(WHO, id);
    await assert.rejects(world.microvms.suspend(WHO, id), ConflictError);
    await assert.rejects(world.microvms.resume(WHO, id), ConflictError);
    world.gates.get('/terminate')?.open();
    await settle(id, 'TERMINATED');
    await assert.rejects(world.microvms.suspend(WHO, id), (error) =>
      error instanceof ValidationError && /has been terminated and its state cannot be changed/.test(error.message));
    await assert.rejects(world.microvms.resume(WHO, id), ConflictError);
  });
});
