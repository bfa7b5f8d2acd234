import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GuestAgentError } from '../../../src/guest/contracts.js';
import { SessionRefusedError, UnreachableError, type UnreachableReason } from '../../../src/microvms/contracts.js';
import { Gate, IMAGE, until, WHO, World } from './fakes.js';

const connector = (name: string): string => `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`;
const ingressNetworkConnectors = [connector('HTTP_INGRESS'), connector('SHELL_INGRESS')];
const auto = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 300, autoResumeEnabled: true };

describe('sessions', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  const open = (id: string, signal?: AbortSignal) => world.microvms.openSession(id, { kind: 'shell' }, signal);
  const refused = (opening: Promise<unknown>, reason: UnreachableReason): Promise<void> =>
    assert.rejects(opening, (error) => error instanceof UnreachableError && error.reason === reason);

  it('need SHELL_INGRESS, and nothing that forbids ingress', async () => {
    for (const names of [['HTTP_INGRESS'], ['ALL_INGRESS'], ['NO_INGRESS'], ['NO_INGRESS', 'SHELL_INGRESS']]) {
      await refused(open(await world.running({ ingressNetworkConnectors: names.map(connector) })), 'vm-unreachable');
    }
    assert.equal(world.count('session:shell'), 0);
    for (const names of [['SHELL_INGRESS'], ['HTTP_INGRESS', 'SHELL_INGRESS']]) await open(await world.running({ ingressNetworkConnectors: names.map(connector) }));
    assert.equal(world.count('session:shell'), 2);
  });

  it('are dropped by a suspend and by the end, each with its reason; those closed before are not', async () => {
    const id = await world.running({ ingressNetworkConnectors, idlePolicy: auto });
    await open(id);
    await open(id);
    (await open(id)).close();
    await world.microvms.suspend(WHO, id);
    await world.reaches(id, 'SUSPENDED');
    assert.deepEqual(world.sessions.opened.map(({ dropped }) => dropped), ['the MicroVM is being suspended', 'the MicroVM is being suspended', undefined]);
    await open(id); // resumes it
    assert.equal(world.state(id), 'RUNNING');
    await world.microvms.terminate(WHO, id);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.sessions.opened[3]?.dropped, 'the MicroVM is being terminated');
    await refused(open(id), 'terminated');
  });

  it('wait while PENDING, and are not opened for who left meanwhile', async () => {
    const gate = new Gate();
    world.gates.set('/run', gate);
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE, ingressNetworkConnectors });
    const controller = new AbortController();
    const left = open(id, controller.signal);
    const opening = open(id);
    controller.abort(new Error('left'));
    await assert.rejects(left, /left/);
    assert.equal(world.count('session:shell'), 0);
    gate.open();
    await opening;
    assert.equal(world.count('session:shell'), 1);
  });

  it('are opened anew when a suspend came between', async () => {
    const id = await world.running({ ingressNetworkConnectors, idlePolicy: auto });
    const gate = new Gate();
    world.gates.set('session:shell', gate);
    const opening = open(id);
    await until(() => world.count('session:shell') === 1, 'the first attempt');
    await world.microvms.suspend(WHO, id);
    gate.open();
    await opening;
    assert.equal(world.state(id), 'RUNNING');
    assert.equal(world.count('session:shell'), 2);
  });

  it('tell what the guest refuses from a guest that does not answer', async () => {
    const id = await world.running({ ingressNetworkConnectors });
    world.failures.set('session:shell', new GuestAgentError('no sh', { code: 'start_failed' }));
    await assert.rejects(open(id), (error) => error instanceof SessionRefusedError && error.code === 'start_failed' && error.message === 'no sh');
    world.failures.set('session:shell', new GuestAgentError('out of memory', { code: 'internal' }));
    await refused(open(id), 'vm-unreachable');
    assert.equal(world.count('waitUntilUp'), 0, 'a refusal is an answer');
    world.failures.set('session:shell', new GuestAgentError('cannot reach the guest agent'));
    await refused(open(id), 'vm-unreachable');
    await until(() => world.count('waitUntilUp') === 1, 'the agent is asked whether it lives');
  });
});
