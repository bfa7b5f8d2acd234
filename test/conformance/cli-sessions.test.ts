/** How the command line's sessions find their way: the API's answers, keys from the environment, refusals for people. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { openAccess } from '../../src/cli/client/access.js';
import { connect } from '../../src/cli/session/connect.js';
import { SessionError } from '../../src/cli/session/error.js';
import { CliError } from '../../src/cli/errors.js';
import { ApiError, callApi } from '../../src/daemon/remote.js';
import { OperatorError } from '../../src/errors/index.js';
import { imageArn, key, region, startHarness, type Harness } from './harness.js';

let api: Harness;
let dataDir: string;
const env = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region, ...more,
});
before(async () => {
  api = await startHarness();
  dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-cli-'));
});
after(async () => {
  await api.close();
  await rm(dataDir, { recursive: true });
});

async function microvm(...names: readonly string[]): Promise<string> {
  const { microvmId = '' } = await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn('some') }));
  const index = api.microvms.vms.findIndex((vm) => vm.id === microvmId);
  const vm = api.microvms.vms[index];
  assert.ok(vm);
  api.microvms.vms[index] = { ...vm, state: 'RUNNING', ingressNetworkConnectors: names.map((name) => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`) };
  return microvmId;
}

test('a signed call is answered; a refusal has the API\'s type and words', async () => {
  const access = await openAccess({}, env());
  const id = await microvm('SHELL_INGRESS');
  const path = `/2025-09-09/microvms/${id}`;
  assert.equal((await callApi(access, 'GET', path) as { microvmId: string }).microvmId, id);
  assert.deepEqual(await callApi(access, 'POST', `${path}/shell-auth-token`, { expirationInMinutes: 1 }), { authToken: { 'X-aws-proxy-auth': 's.h.e.l.l' } });
  await assert.rejects(callApi(access, 'GET', '/2025-09-09/microvms/microvm-none'), (error) => error instanceof ApiError && error.type === 'ResourceNotFoundException' && error.message === 'no MicroVM microvm-none');
  const wrong = await openAccess({}, env({ AWS_SECRET_ACCESS_KEY: 'wrong' }));
  await assert.rejects(callApi(wrong, 'GET', path), (error) => error instanceof ApiError && !error.message.includes('wrong'));
});

test('without SHELL_INGRESS the error says how to run a MicroVM with it, and no connection is tried', async () => {
  const access = await openAccess({}, env());
  await assert.rejects(connect(access, await microvm('HTTP_INGRESS')), (error) => error instanceof CliError && /was run without SHELL_INGRESS/.test(error.message)
    && /tardigrade run <image> --shell\n.*--ingress-network-connectors arn:aws:lambda:us-east-1:aws:[^ ]*:HTTP_INGRESS arn:aws:lambda:us-east-1:aws:[^ ]*:SHELL_INGRESS/.test(error.fix.join('\n')));
});

test('an endpoint that cannot be reached is told from an API that refuses', async () => {
  const access = await openAccess({}, env());
  await assert.rejects(connect(access, await microvm('SHELL_INGRESS')), (error) => error instanceof SessionError && error.code === 'unreachable' && error.message.includes('.microvm.localhost:7443'));
});

test('keys and Region are the environment\'s with AWS_ENDPOINT_URL, this host\'s without', async () => {
  assert.deepEqual(await openAccess({}, env({ AWS_SESSION_TOKEN: 't', TARDIGRADE_CA_FILE: '/ca.pem' })), {
    apiUrl: api.url, key: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey, sessionToken: 't' }, region, caFile: '/ca.pem',
  });
  await assert.rejects(openAccess({}, { AWS_ENDPOINT_URL: api.url, AWS_CONFIG_FILE: '/none', AWS_SHARED_CREDENTIALS_FILE: '/none' }), (error) => error instanceof CliError && /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set/.test(error.message));
  const own = await openAccess({}, { TARDIGRADE_DATA_DIR: dataDir, AWS_ACCESS_KEY_ID: 'AKIAREALAWS', AWS_SECRET_ACCESS_KEY: 'real' });
  assert.equal(own.apiUrl, 'http://127.0.0.1:7400');
  assert.notEqual(own.key.accessKeyId, 'AKIAREALAWS', 'keys for AWS are not sent to a service of this host');
});

test('says that nothing answers', async () => {
  const access = { ...(await openAccess({}, env())), apiUrl: 'http://127.0.0.1:1' };
  await assert.rejects(callApi(access, 'GET', '/'), (error) => error instanceof OperatorError && /nothing answers at http:\/\/127\.0\.0\.1:1 .*AWS_ENDPOINT_URL/.test(error.message));
});
