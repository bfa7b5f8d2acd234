/** The command line's way through a real endpoint: tokens, and what refusals mean. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { Api, type Microvm } from '../../../src/cli/client/api.js';
import { Endpoint, refusalOf } from '../../../src/cli/client/endpoint.js';
import { CliError } from '../../../src/cli/errors.js';
import { imageArn, key, region, startHarness } from '../../conformance/harness.js';
import { HOST, start, VM, type Harness } from '../endpoint/harness.js';

const GET = { method: 'GET', path: '/x?y', headers: ['x-mark', 'a', 'x-mark', 'b'] };

/** What the API would say of the harness's MicroVM; its tokens are the given one. */
class OneMicrovm extends Api {
  state = 'RUNNING';
  autoResume = false;
  constructor(caFile: string, private readonly port: number, private readonly issued: string) {
    super({ apiUrl: 'http://127.0.0.1:1', key, region, caFile });
  }
  override microvm(): Promise<Microvm> {
    return Promise.resolve({
      microvmId: VM, state: this.state, imageArn: imageArn('app'), imageVersion: '1.0', startedAt: 0, endpoint: `${HOST}:${this.port}`,
      idlePolicy: { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 60, autoResumeEnabled: this.autoResume },
    });
  }
  override appToken(): Promise<string> {
    return Promise.resolve(this.issued);
  }
}

async function apiFor(t: TestContext, h: Harness, token = h.token): Promise<OneMicrovm> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-cli-endpoint-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'ca.pem'), h.ca);
  return new OneMicrovm(join(dir, 'ca.pem'), h.port, token);
}

async function refused(t: TestContext, api: OneMicrovm, port = 8080): Promise<CliError> {
  const endpoint = await Endpoint.of(api, VM, port, 5);
  t.after(() => endpoint.close());
  const response = await endpoint.send(GET);
  response.resume();
  const refusal = await refusalOf(api, endpoint, response);
  assert.ok(refusal);
  return refusal;
}

test('a request arrives with its headers; an answer of the application is none of the endpoint', async (t) => {
  const h = await start(t);
  await h.app((req, res) => res.writeHead(502).end(`${req.method ?? ''} ${req.url ?? ''} ${req.headers['x-mark']?.toString() ?? ''}`), 5000);
  const api = await apiFor(t, h);
  const endpoint = await Endpoint.of(api, VM, 5000, 5);
  t.after(() => endpoint.close());
  const response = await endpoint.send(GET);
  assert.equal(await refusalOf(api, endpoint, response), undefined);
  assert.deepEqual([response.statusCode, await text(response)], [502, 'GET /x?y a, b']);
});

test('mistake: expired token', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end());
  const { exitCode, message, fix } = await refused(t, await apiFor(t, h, h.expired));
  assert.deepEqual([exitCode, /403 UNAUTHORIZED: the token is not taken/.test(message), /60 minutes at most: mint another with tardigrade token/.test(fix.join())], [4, true, true]);
});

test('mistake: wrong port', async (t) => {
  const h = await start(t);
  const { exitCode, message, fix } = await refused(t, await apiFor(t, h), 81);
  assert.deepEqual([exitCode, /nothing in MicroVM .* listens on port 81/.test(message), /--port <port>/.test(fix.join())], [5, true, true]);
});

test('mistake: suspended, ended, unreachable: the state decides what is told', async (t) => {
  const h = await start(t);
  const api = await apiFor(t, h);
  h.gateway.unreachable = 'suspended';
  api.state = 'SUSPENDED';
  const asleep = await refused(t, api);
  assert.deepEqual([asleep.exitCode, /does not resume by itself/.test(asleep.message), asleep.fix[0]], [6, true, 'resume it: tardigrade resume 11111111']);
  api.autoResume = true;
  h.gateway.unreachable = 'resume-failed';
  assert.match((await refused(t, api)).message, /its resume failed/);
  api.state = 'TERMINATED';
  h.gateway.unreachable = 'terminated';
  const ended = await refused(t, api);
  assert.deepEqual([ended.exitCode, /has ended/.test(ended.message), ended.fix[0]], [6, true, 'run another: tardigrade run <image>']);
  api.state = 'RUNNING';
  h.gateway.unreachable = 'vm-unreachable';
  const away = await refused(t, api);
  assert.deepEqual([away.exitCode, away.fix.length], [5, 2]);
});

test('mistake: authority not trusted, endpoint away', async (t) => {
  const h = await start(t);
  const api = await apiFor(t, h);
  const stranger = new OneMicrovm('/dev/null', h.port, h.token);
  const untrusting = await Endpoint.of(stranger, VM, 8080, 5);
  t.after(() => untrusting.close());
  await assert.rejects(untrusting.send(GET), (error) => error instanceof CliError && error.exitCode === 5 && /not trusted here/.test(error.message) && /--ca-file/.test(error.fix.join()));
  await h.close();
  const closed = await Endpoint.of(api, VM, 8080, 5);
  t.after(() => closed.close());
  await assert.rejects(closed.send(GET), (error) => error instanceof CliError && error.exitCode === 5 && /does not answer/.test(error.message));
});

test('a token is minted once, and anew when half of its time is over', async (t) => {
  const api = await startHarness();
  t.after(() => api.close());
  const { microvmId = '' } = await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn('app') }));
  const endpoint = await Endpoint.of(new Api({ apiUrl: api.url, key, region, caFile: undefined }), microvmId, 3000, 60);
  await endpoint.token();
  assert.deepEqual(api.tokenRequests.map(({ allowedPorts, expiresInMinutes }) => [allowedPorts, expiresInMinutes]), [[[{ port: 3000 }], 60]]);
  const now = Date.now();
  t.mock.method(Date, 'now', () => now + 29 * 60_000);
  await endpoint.token();
  assert.equal(api.tokenRequests.length, 1);
  t.mock.method(Date, 'now', () => now + 31 * 60_000);
  await Promise.all([endpoint.token(), endpoint.token()]);
  assert.equal(api.tokenRequests.length, 2);
  endpoint.close();
});
