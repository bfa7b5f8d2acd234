import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { NotFoundError, ValidationError } from '../../../src/errors/index.js';
import { Gate, IMAGE, START, until, WHO, World } from './fakes.js';

const customer = 'arn:aws:lambda:us-east-1:000000000000:network-connector:nc-1';
const connector = (name: string): string => `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`;

describe('Run', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  const nothingHeld = (id: string): void => {
    assert.equal(world.linksHeld, 0, 'links');
    assert.equal(world.runningVms, 0, 'VMs');
    assert.equal(world.logsOpen, 0, 'logs');
    assert.equal(existsSync(world.dirOf(id)), false, 'folder');
    assert.equal(world.clock.waiting, 0, 'timers');
  };

  it('answers PENDING at once with the defaults, then launches in order', async () => {
    const record = world.microvms.run(WHO, { imageArn: IMAGE, runHookPayload: 'hello "you"' });
    assert.equal(record.state, 'PENDING');
    assert.equal(record.maximumDurationInSeconds, 28_800);
    assert.equal(record.startedAt, START);
    assert.deepEqual(record.ingressNetworkConnectors, [connector('HTTP_INGRESS')]);
    assert.deepEqual(record.egressNetworkConnectors, [connector('INTERNET_EGRESS')]);
    assert.match(record.id, /^microvm-[0-9a-f-]{36}$/);
    assert.notEqual(record.id, `microvm-${record.endpointLabel}`);
    assert.equal(world.calls.length, 0, 'nothing is done before the answer');
    await world.reaches(record.id, 'RUNNING');
    assert.deepEqual(world.calls, ['link', 'internet', 'launch', 'wake', '/run']);
    const [hook] = world.hookCalls;
    assert.deepEqual({ ...hook, signal: undefined }, {
      hook: 'run', port: 9000, timeoutMs: 1000, signal: undefined,
      body: JSON.stringify({ microvmId: record.id, runHookPayload: 'hello "you"' }),
    });
    assert.equal(world.microvms.get(WHO, record.id).state, 'RUNNING');
    assert.equal(existsSync(world.dirOf(record.id)), true);
    assert.equal(JSON.stringify(world.store.getMicrovm(record.id)).includes('hello'), false);
  });

  it('leaves the payload out of the body when there is none, and calls no hook that is not enabled', async () => {
    await world.running();
    assert.match(world.hookCalls[0]?.body ?? '', /^\{"microvmId":"microvm-[^"]+"\}$/);
    world.image = { ...world.image, config: { ...world.image.config, hooks: { port: 9000, microvmHooks: { run: 'DISABLED' } } } };
    await world.running();
    assert.equal(world.hookCalls.length, 1);
  });

  it('refuses a payload without the run hook', () => {
    world.image = { ...world.image, config: { ...world.image.config, hooks: undefined } };
    assert.throws(() => world.microvms.run(WHO, { imageArn: IMAGE, runHookPayload: '' }), (error) =>
      error instanceof ValidationError &&
      error.message === 'The run hook must be enabled in the MicroVM image to pass the run hook payload');
    assert.deepEqual(world.store.listMicrovms({ accountId: WHO.accountId }, { limit: 1 }).items, []);
  });

  it('knows the managed connectors and refuses others', async () => {
    const refusedAs = (input: object): string => {
      try {
        world.microvms.run(WHO, { imageArn: IMAGE, ...input });
      } catch (error) {
        assert.ok(error instanceof ValidationError);
        return error.message;
      }
      return assert.fail('accepted');
    };
    const unknown = connector('NO_EGRESS');
    assert.equal(refusedAs({ egressNetworkConnectors: [unknown] }), `Unrecognized managed network connector ARN: ${unknown}`);
    const wrongWay = connector('INTERNET_EGRESS');
    assert.equal(refusedAs({ ingressNetworkConnectors: [wrongWay] }), `Unrecognized managed network connector ARN: ${wrongWay}`);
    assert.equal(refusedAs({ ingressNetworkConnectors: ['HTTP_INGRESS'] }), 'Malformed network connector ARN');
    assert.match(refusedAs({ egressNetworkConnectors: [customer] }), /nc-1 does not exist/);
    assert.match(refusedAs({ ingressNetworkConnectors: [customer] }), /nc-1 is for egress/);
    const all = ['HTTP_INGRESS', 'ALL_INGRESS', 'SHELL_INGRESS', 'NO_INGRESS'].map(connector);
    const record = world.microvms.run(WHO, { imageArn: IMAGE, ingressNetworkConnectors: all });
    assert.deepEqual(record.ingressNetworkConnectors, all);
    await world.reaches(record.id, 'RUNNING');
  });

  it('takes the egress of the image when none is named', async () => {
    const egress = ['arn:aws:lambda:eu-west-1:aws:network-connector:aws-network-connector:INTERNET_EGRESS'];
    world.image = { ...world.image, config: { ...world.image.config, egressNetworkConnectors: egress } };
    for (const input of [{}, { egressNetworkConnectors: [] }]) {
      const record = world.microvms.run(WHO, { imageArn: IMAGE, ...input });
      assert.deepEqual(record.egressNetworkConnectors, egress);
      await world.reaches(record.id, 'RUNNING');
    }
  });

  it('reaches what its connectors open: those named, else the image\'s', async () => {
    world.connectors.add(customer);
    const named = world.microvms.run(WHO, { imageArn: IMAGE, egressNetworkConnectors: [customer] });
    await world.reaches(named.id, 'RUNNING');
    assert.ok(world.calls.includes('no-internet') && !world.calls.includes('internet'));
    world.image = { ...world.image, config: { ...world.image.config, egressNetworkConnectors: [customer] } };
    const inherited = world.microvms.run(WHO, { imageArn: IMAGE });
    assert.deepEqual(inherited.egressNetworkConnectors, [customer]);
    world.connectors.clear();
    assert.throws(() => world.microvms.run(WHO, { imageArn: IMAGE }), ValidationError);
  });

  for (const step of ['link', 'launch', '/run']) {
    it(`ends TERMINATED with nothing held when ${step} fails`, async () => {
      world.failures.set(step, new Error('broken'));
      const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
      await world.reaches(id, 'TERMINATED');
      assert.equal(world.microvms.get(WHO, id).stateReason, 'The MicroVM could not be launched.');
      assert.equal(world.count('/terminate'), 0);
      nothingHeld(id);
    });
  }

  it('wakes a guest that does not answer at once, and gives up after the limit', async () => {
    world.failures.set('wake', new Error('refused'));
    await world.running();
    assert.deepEqual(world.calls.slice(-4), ['wake', 'waitUntilUp', 'wake', '/run']);
    world.gates.set('wake', new Gate());
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await until(() => world.count('wake') === 3, 'wake');
    world.clock.advance(30_000);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.linksHeld, 1);
  });

  it('gives the reason when /run does not answer 200', async () => {
    world.hookOutcomes.set('run', { kind: 'status', status: 500 });
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await world.reaches(id, 'TERMINATED');
    const record = world.microvms.get(WHO, id);
    assert.equal(record.stateReason,
      'Run lifecycle hook returned HTTP status 500. Please check your hook endpoint and application logs for more details.');
    assert.equal(record.terminatedAt, START);
    nothingHeld(id);
    world.hookOutcomes.set('run', { kind: 'timeout', last: '' });
    const second = world.microvms.run(WHO, { imageArn: IMAGE });
    await world.reaches(second.id, 'TERMINATED');
    assert.match(world.microvms.get(WHO, second.id).stateReason ?? '', /^Run lifecycle hook invocation timed out after PT1S\./);
  });

  it('ends when the application exits during /run, and says how', async () => {
    world.gates.set('/run', new Gate());
    const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
    await until(() => world.guests[0]?.events !== undefined, 'follow');
    world.guest.events?.onExit(3);
    await world.reaches(id, 'TERMINATED');
    assert.equal(world.microvms.get(WHO, id).stateReason, 'Container Stopped with Exit Code: 3');
    nothingHeld(id);
  });

  for (const step of ['link', 'launch', 'wake', '/run']) {
    it(`a terminate overtakes a launch at ${step}`, async () => {
      const gate = new Gate();
      world.gates.set(step, gate);
      const { id } = world.microvms.run(WHO, { imageArn: IMAGE });
      await until(() => world.count(step) === 1, step);
      await world.microvms.terminate(WHO, id);
      assert.equal(world.microvms.get(WHO, id).state, 'TERMINATING');
      gate.open();
      await world.reaches(id, 'TERMINATED');
      assert.equal(world.microvms.get(WHO, id).stateReason, 'Success.');
      assert.equal(world.count('/terminate'), 0);
      nothingHeld(id);
    });
  }

  it('copies output from after the launch to the stream AWS names', async () => {
    const id = await world.running();
    await until(() => world.guest.events !== undefined, 'follow');
    world.guest.events?.onLog({ seq: 7, time: START - 60_000, stream: 'stdout', text: 'from the build' });
    world.guest.events?.onLog({ seq: 8, time: START + 5, stream: 'stderr', text: 'hello' });
    assert.deepEqual(world.lines, [`/aws/lambda-microvms/web 2026/07/01[1.0]${id}: hello`]);
    await world.running({ logging: { cloudWatch: { logGroup: 'g', logStream: 's' } } });
    world.guest.events?.onLog({ seq: 1, time: START, stream: 'stdout', text: 'x' });
    assert.equal(world.lines[1], 'g s: x');
    await world.running({ logging: { disabled: {} } });
    world.guest.events?.onLog({ seq: 1, time: START, stream: 'stdout', text: 'secret' });
    assert.equal(world.lines.length, 2);
  });

  it('shows a MicroVM to its own account only', async () => {
    const id = await world.running();
    const other = { accountId: '111111111111', accessKeyId: 'X' };
    for (const who of [other, WHO]) assert.throws(() => world.microvms.get(who, who === WHO ? 'microvm-none' : id), NotFoundError);
    await assert.rejects(world.microvms.suspend(other, id), NotFoundError);
    await assert.rejects(world.microvms.resume(other, id), NotFoundError);
    await assert.rejects(world.microvms.terminate(other, id), NotFoundError);
    assert.deepEqual(world.microvms.list(other, {}, { limit: 5 }).items, []);
    assert.deepEqual(world.microvms.list(WHO, { imageArn: IMAGE }, { limit: 5 }).items.map((item) => item.id), [id]);
  });
});
