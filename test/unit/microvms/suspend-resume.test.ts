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
    assert.deepEqual(world.calls, ['link', 'internet', 'resume', 'wake', '/resume']);
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

  for (const kind of ['waitUntilUp', '/resume', 'status'] as const) {
    it(`is suspended anew when the guest ran and the resume failed (${kind})`, async () => {
      const id = await world.suspended();
      if (kind === 'status') world.hookOutcomes.set('resume', { kind: 'status', status: 503 });
      else world.failures.set(kind, new Error('broken'));
      if (kind === 'waitUntilUp') world.failures.set('wake', new Error('broken'));
      await assert.rejects(world.microvms.resume(WHO, id), Fault);
      assert.equal(world.microvms.get(WHO, id).state, 'SUSPENDED');
      assert.equal(world.count('suspend'), 2);
      assert.equal(world.count('/suspend'), 1, 'without the hook');
      assert.equal(world.linksHeld + world.runningVms + world.logsOpen, 0);
      world.hookOutcomes.clear();
      await world.microvms.resume(WHO, id);
      assert.equal(world.microvms.get(WHO, id).state, 'RUNNING');
    });
  }

  it('terminates when the guest ran and cannot be suspended anew', async () => {
    const id = await world.suspended();
    world.failures.set('/resume', new Error('broken'));
    world.failures.set('suspend', new Error('disk full'));
    await assert.rejects(world.microvms.resume(WHO, id));
    await settle(id, 'TERMINATED');
    assert.equal(world.microvms.get(WHO, id).stateReason, 'The MicroVM could not be resumed.');
    assert.equal(world.linksHeld + world.runningVms, 0);
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
