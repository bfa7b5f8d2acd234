import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AppConnectError } from '../../../src/guest/contracts.js';
import { UnreachableError, type UnreachableReason } from '../../../src/microvms/contracts.js';
import { Gate, IMAGE, until, WHO, World } from './fakes.js';

const auto = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 300, autoResumeEnabled: true };

describe('gateway', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  const refused = (connecting: Promise<unknown>, reason: UnreachableReason): Promise<void> =>
    assert.rejects(connecting, (error) => error instanceof UnreachableError && error.reason === reason);

  it('finds a MicroVM by its endpoint, also a terminated one', async () => {
    const id = await world.running();
    const label = world.microvms.get(WHO, id).endpointLabel;
    assert.equal(world.microvms.find(label)?.id, id);
    assert.equal(world.microvms.find(id), undefined);
    await world.microvms.terminate(WHO, id);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.microvms.find(label)?.state, 'TERMINATED');
  });

  it('connects to the port asked for', async () => {
    const id = await world.running();
    (await world.microvms.connect(id, 8080)).destroy();
    assert.equal(world.count('dial:8080'), 1);
  });

  for (const end of ['suspend', 'terminate'] as const) {
    it(`ends the connections of a guest at its ${end}: nothing else would tell of it`, async () => {
      const id = await world.running({ idlePolicy: auto });
      assert.equal(world.microvms.isRunning(id), true);
      const stream = await world.microvms.connect(id, 8080);
      await world.microvms[end](WHO, id);
      assert.equal(world.microvms.isRunning(id), false, 'at once');
      await until(() => stream.destroyed, 'the stream ends');
      await world.reaches(id, end === 'suspend' ? 'SUSPENDED' : 'TERMINATED');
    });
  }

  it('waits while PENDING, until /run answered', async () => {
    const gate = new Gate();
    world.gates.set('/run', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    const connecting = world.microvms.connect(id, 8080);
    await until(() => world.count('/run') === 1, '/run');
    assert.equal(world.count('dial:8080'), 0);
    gate.open();
    (await connecting).destroy();
  });

  it('tells of a launch that failed', async () => {
    world.failures.set('launch', new Error('broken'));
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await refused(world.microvms.connect(id, 8080), 'vm-unreachable');
    await world.reaches(id, 'TERMINATED');
    await refused(world.microvms.connect(id, 8080), 'terminated');
  });

  it('tells of a terminate during the launch', async () => {
    const gate = new Gate();
    world.gates.set('launch', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    const connecting = refused(world.microvms.connect(id, 8080), 'terminated');
    await world.microvms.terminate(WHO, id);
    gate.open();
    await connecting;
  });

  it('resumes a suspended one once for ten requests', async () => {
    const id = await world.suspended({ idlePolicy: auto });
    const streams = await Promise.all(Array.from({ length: 10 }, () => world.microvms.connect(id, 8080)));
    assert.equal(streams.length, 10);
    assert.equal(world.count('resume'), 1);
    assert.equal(world.count('/resume'), 1);
    assert.equal(world.count('dial:8080'), 10);
  });

  for (const [what, idlePolicy] of [['', auto], [', whatever the policy', { ...auto, autoResumeEnabled: false }], [', also without a policy', undefined]] as const) {
    it(`waits for a checkpoint under way, then resumes${what}`, async () => {
      const id = await world.running({ idlePolicy });
      const gate = new Gate();
      world.gates.set('suspend', gate);
      await world.microvms.suspend(WHO, id);
      await until(() => world.count('suspend') === 1, 'suspend');
      const connecting = Promise.all([world.microvms.connect(id, 8080), world.microvms.connect(id, 8080)]);
      gate.open();
      await connecting;
      assert.equal(world.count('resume'), 1);
      assert.equal(world.state(id), 'RUNNING');
    });
  }

  it('cancels a suspend whose /suspend still runs: /resume, and the guest runs on', async () => {
    const id = await world.running({ idlePolicy: { ...auto, autoResumeEnabled: false } });
    const gate = new Gate();
    world.gates.set('/suspend', gate);
    await world.microvms.suspend(WHO, id);
    await until(() => world.count('/suspend') === 1, '/suspend');
    const connecting = world.microvms.connect(id, 8080);
    gate.open();
    (await connecting).destroy();
    assert.equal(world.state(id), 'RUNNING');
    assert.deepEqual([world.count('/resume'), world.count('suspend'), world.count('resume')], [1, 0, 0]);
    await world.microvms.suspend(WHO, id);
    await world.reaches(id, 'SUSPENDED');
  });

  it('suspends all the same when /resume fails at the cancelling, and then resumes', async () => {
    const id = await world.running({ idlePolicy: auto });
    const gate = new Gate();
    world.gates.set('/suspend', gate);
    await world.microvms.suspend(WHO, id);
    await until(() => world.count('/suspend') === 1, '/suspend');
    world.hookOutcomes.set('resume', { kind: 'status', status: 500 });
    world.gates.set('suspend', new Gate());
    const connecting = world.microvms.connect(id, 8080);
    gate.open();
    await until(() => world.count('suspend') === 1, 'suspend');
    world.hookOutcomes.clear();
    world.gates.get('suspend')?.open();
    (await connecting).destroy();
    assert.equal(world.count('resume'), 1);
  });

  it('ends a MicroVM whose agent stays silent for a minute after traffic could not reach it', async () => {
    const id = await world.running();
    world.failures.set('dial:82', new Error('no answer'));
    world.gates.set('waitUntilUp', new Gate());
    await refused(world.microvms.connect(id, 82), 'vm-unreachable');
    await until(() => world.count('waitUntilUp') === 1, 'asked');
    world.clock.advance(59_000);
    assert.equal(world.state(id), 'RUNNING');
    world.clock.advance(1_000);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.store.getMicrovm(id)?.stateReason, 'The MicroVM stopped answering.');
    assert.deepEqual(world.faults, ['agent-lost']);
  });

  it('does not take a guest that waits for disk space for a silent one', async () => {
    const id = await world.running();
    world.failures.set('dial:82', new Error('no answer'));
    world.gates.set('waitUntilUp', new Gate());
    await refused(world.microvms.connect(id, 82), 'vm-unreachable');
    await until(() => world.count('waitUntilUp') === 1, 'asked');
    world.clock.advance(55_000);
    world.guest.trouble?.('disk-full');
    world.clock.advance(5_000);
    await until(() => world.count('waitUntilUp') === 2, 'asked again');
    assert.equal(world.state(id), 'RUNNING');
    world.gates.get('waitUntilUp')?.open();
    await until(() => world.clock.waiting === 1, 'answered: only the lifetime is waited for');
    assert.equal(world.state(id), 'RUNNING');
    assert.deepEqual(world.faults, ['disk-full']);
  });

  it('leaves it suspended when the policy says so, or there is none', async () => {
    for (const idlePolicy of [undefined, { ...auto, autoResumeEnabled: false }]) {
      const id = await world.suspended({ idlePolicy });
      await refused(world.microvms.connect(id, 8080), 'suspended');
      assert.equal(world.count('resume'), 0);
    }
  });

  it('tells of a resume that failed, and tries again for the next request', async () => {
    const id = await world.suspended({ idlePolicy: auto });
    world.failures.set('resume', new Error('broken'));
    await refused(world.microvms.connect(id, 8080), 'resume-failed');
    (await world.microvms.connect(id, 8080)).destroy();
  });

  it('tells what does not listen from what does not answer', async () => {
    const id = await world.running();
    world.failures.set('dial:81', new AppConnectError('refused'));
    await refused(world.microvms.connect(id, 81), 'app-not-listening');
    world.failures.set('dial:82', new Error('no route'));
    await refused(world.microvms.connect(id, 82), 'vm-unreachable');
  });

  it('looks again when it was suspended while connecting', async () => {
    const id = await world.running({ idlePolicy: auto });
    const gate = new Gate();
    world.gates.set('dial:80', gate);
    world.failures.set('dial:80', new Error('connection lost'));
    const connecting = world.microvms.connect(id, 80);
    await until(() => world.count('dial:80') === 1, 'dial');
    await world.microvms.suspend(WHO, id);
    await world.reaches(id, 'SUSPENDED');
    gate.open();
    (await connecting).destroy();
    assert.equal(world.count('resume'), 1);
  });

  it('refuses without a connector that admits traffic', async () => {
    for (const names of [['NO_INGRESS'], ['NO_INGRESS', 'HTTP_INGRESS'], ['SHELL_INGRESS']]) {
      const id = await world.running({
        ingressNetworkConnectors: names.map((name) => `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`),
      });
      await refused(world.microvms.connect(id, 8080), 'vm-unreachable');
    }
  });

  it('stops waiting when the caller does, and the resume goes on', async () => {
    const id = await world.suspended({ idlePolicy: auto });
    const gate = new Gate();
    world.gates.set('resume', gate);
    const abort = new AbortController();
    const connecting = assert.rejects(world.microvms.connect(id, 8080, abort.signal), /client left/);
    abort.abort(new Error('client left'));
    await connecting;
    gate.open();
    await world.reaches(id, 'RUNNING');
  });

  it('counts a connection as activity', async () => {
    const id = await world.running({ idlePolicy: auto });
    world.clock.advance(59_999);
    (await world.microvms.connect(id, 8080)).destroy();
    world.clock.advance(59_999);
    assert.equal(world.microvms.get(WHO, id).state, 'RUNNING');
  });

  it('does not know what is not there', () => refused(world.microvms.connect('microvm-none', 8080), 'terminated'));
});
