/** State through suspend and resume, clock, entropy, hooks, refusals of the endpoint: one application, real VMs. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { GetMicrovmCommand, ResumeMicrovmCommand, SuspendMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { flaskImage } from './support/images.js';
import { reaches, type RunningVm, runVm, tokenFor } from './support/microvms.js';
import { residue } from './support/residue.js';
import { closeShared, sharedService } from './support/service.js';

const CYCLES = 10;

describe('lifecycle', () => {
  const vms: RunningVm[] = [];
  const run = async (...args: Parameters<typeof runVm> extends [unknown, unknown, ...infer R] ? R : never): Promise<RunningVm> => {
    const vm = await runVm(await sharedService(), await flaskImage(), ...args);
    vms.push(vm);
    return vm;
  };
  after(async () => {
    for (const vm of vms) await vm.terminate();
    await closeShared();
  });

  it(`keeps memory, disk, tmpfs, an open descriptor and a process through ${CYCLES} suspends`, async () => {
    const vm = await run();
    const first = await vm.change();
    assert.equal(first.counter, 1);
    let before = first;
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      await vm.suspend();
      const after = await vm.state();
      const expected = { counter: cycle, disk: cycle, tmpfs: cycle, descriptor: cycle, pid: first.pid, heartbeat_alive: true };
      assert.deepEqual(pick(after, expected), expected, `cycle ${cycle}`);
      assert.ok(after.heartbeat >= before.heartbeat, 'the background process kept its count');
      assert.ok(Math.abs(after.time - Date.now() / 1000) < 1, `wall clock off by ${after.time - Date.now() / 1000} s after resume`);
      before = await vm.change();
    }
    const heartbeat = before.heartbeat;
    while ((await vm.state()).heartbeat <= heartbeat); // the process really runs on
  });

  it('gives each clone its own time and entropy, and the /run hook its id and payload', async () => {
    const payload = '{"tenant":"a"}';
    const one = await run({ runHookPayload: payload });
    const two = await run();
    const [first, second] = [await one.state(), await two.state()];
    assert.notEqual(first.random, second.random);
    for (const state of [first, second]) assert.ok(Math.abs(state.time - Date.now() / 1000) < 1, `wall clock off by ${state.time - Date.now() / 1000} s after launch`);
    assert.deepEqual(first.run, { microvmId: one.id, runHookPayload: payload });
    assert.equal(second.run?.microvmId, two.id);
    assert.deepEqual([first.hostname, second.hostname], [one.id, two.id]);
    assert.equal(first.environment['AWS_REGION'], 'us-east-1');
    assert.equal(first.environment['AWS_LAMBDA_MICROVM_IMAGE_VERSION'], '1.0');
  });

  it('resumes once for many requests that arrive together, and by ResumeMicrovm', async () => {
    const service = await sharedService();
    const vm = await run();
    await vm.change();
    await vm.suspend();
    const answers = await Promise.all(Array.from({ length: 20 }, () => vm.state()));
    assert.deepEqual(new Set(answers.map((answer) => answer.counter)), new Set([1]));
    await vm.suspend();
    await service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id }));
    await reaches(service, vm.id, 'RUNNING');
    assert.equal((await vm.state()).counter, 1);
  });

  it('streams a large body both ways', async () => {
    const vm = await run();
    const body = Buffer.alloc(8 * 1024 * 1024, 'tardigrade ');
    const answer = await vm.http.send('/echo', { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.length, body.length);
    assert.ok(answer.body === body.toString());
  });

  it('refuses at the endpoint as AWS does', async () => {
    const service = await sharedService();
    const [vm, other] = [await run(), await run()];
    const send = async (token: string, headers: Record<string, string> = {}, endpoint = vm.endpoint) => {
      const client = endpointClient(endpoint, service.daemon.caFile, token);
      try {
        const { status, body, headers: answered } = await client.send('/', { headers });
        return { status, body, error: answered['x-aws-proxy-error'] };
      } finally {
        client.close();
      }
    };
    const good = await tokenFor(service, vm.id, 8080);
    assert.equal((await send(good)).status, 200);
    assert.deepEqual(await send(''), { status: 403, body: 'Request missing authentication', error: 'UNAUTHORIZED' });
    assert.deepEqual(await send('not-a-token'), { status: 403, body: 'Request missing authentication', error: 'UNAUTHORIZED' });
    assert.deepEqual(await send(await tokenFor(service, other.id, 8080)), { status: 403, body: 'Token authentication failed', error: 'UNAUTHORIZED' });
    assert.deepEqual(await send(good, { 'x-aws-proxy-port': '9000' }), { status: 403, body: 'Access to port denied', error: 'UNAUTHORIZED' });
    assert.equal((await send(good, { 'x-aws-proxy-port': 'none' })).status, 400);
    const closed = await send(await tokenFor(service, vm.id, 7000), { 'x-aws-proxy-port': '7000' });
    assert.deepEqual([closed.status, closed.error], [502, 'APP_CONNECT_FAILED']);
    await vm.terminate();
    assert.deepEqual([(await send(good)).status, (await send(good)).body], [502, '']);
  });

  it('answers 502 while suspended when the policy forbids auto-resume', async () => {
    const service = await sharedService();
    const vm = await run({ idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: false } });
    await vm.change();
    await vm.suspend();
    const refused = await vm.http.send('/state');
    assert.deepEqual([refused.status, refused.body], [502, '']);
    await service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id }));
    assert.equal((await vm.state()).counter, 1);
  });

  it('says how it ended, and leaves nothing of an ended MicroVM', async () => {
    const service = await sharedService();
    const vm = await run();
    await vm.state();
    await vm.terminate();
    const record = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: vm.id }));
    assert.deepEqual([record.state, record.stateReason], ['TERMINATED', 'Success.']);
    assert.ok(record.terminatedAt instanceof Date);
    await service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: vm.id }));
    await assert.rejects(service.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: vm.id })), { name: 'ValidationException' });
    for (const other of vms) await other.terminate();
    const left = await residue(service);
    assert.deepEqual([left.vmms, left.vmFolders], [0, 0]);
  });
});

/** The members of `value` that `like` has. */
function pick<T extends object>(value: T, like: Partial<T>): Partial<T> {
  return Object.fromEntries(Object.keys(like).map((key) => [key, value[key as keyof T]])) as Partial<T>;
}
