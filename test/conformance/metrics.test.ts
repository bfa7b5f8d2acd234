/** `GET /metrics` on the API's listener. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from '../../src/api/metrics-page.js';
import { createMetrics } from '../../src/metrics/registry.js';
import { ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import { ERROR_TYPES } from '../../src/api/dialect.js';
import { OPERATION_NAMES } from '../../src/api/operations/index.js';
import { startHarness } from './harness.js';
import { signedCall } from './support/signed.js';

test('a program on this host reads the counters without a signature, whatever the query', async (t) => {
  const metrics = createMetrics({ microvmsByState: () => ({ RUNNING: 2 }) });
  const api = await startHarness({ metrics });
  t.after(() => api.close());
  metrics.fault('disk-full');
  for (const path of ['/metrics', '/metrics?ignored=1']) {
    const answer = await fetch(`${api.url}${path}`);
    const text = await answer.text();
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^tardigrade_microvm_faults_total\{kind="disk-full"\} 1$/m);
    assert.match(text, /^tardigrade_microvms\{state="RUNNING"\} 2$/m);
  }
  // Any other method, and a path below, is as before: S3's business, refused without a signature.
  assert.equal((await fetch(`${api.url}/metrics`, { method: 'PUT' })).status, 403);
  assert.equal((await fetch(`${api.url}/metrics/x`)).status, 403);
});

test('where nobody counts there is no page', async (t) => {
  const api = await startHarness();
  t.after(() => api.close());
  assert.equal((await fetch(`${api.url}/metrics`)).status, 403);
});

test('only loopback addresses count as this host', () => {
  for (const address of ['127.0.0.1', '127.3.2.1', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address);
  for (const address of ['10.0.0.1', '192.0.2.2', '::ffff:10.0.0.1', 'fe80::1', '::', '127.0.0.1.example', '1127.0.0.1', '', undefined]) assert.ok(!isLoopback(address), address);
});

test('requests are counted by operation and class, what nobody knows as other', async (t) => {
  const metrics = createMetrics({ microvmsByState: () => ({}), api: { operations: OPERATION_NAMES, errors: ERROR_TYPES } });
  const api = await startHarness({ metrics, counts: metrics });
  t.after(() => api.close());
  await api.client().send(new ListMicrovmsCommand({}));
  await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/microvms/microvm-0/launches' });
  await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/no-such-thing' });
  await fetch(`${api.url}/2025-09-09/microvms`);
  await fetch(`${api.url}/health`);
  await fetch(`${api.url}/some-bucket/some-key`);
  const text = await (await fetch(`${api.url}/metrics`)).text();
  const counted = text.split('\n').filter((line) => /^tardigrade_api_(requests|errors)_total/.test(line) && !line.endsWith(' 0'));
  assert.deepEqual(counted.sort(), [
    'tardigrade_api_errors_total{type="MissingAuthenticationTokenException"} 1',
    'tardigrade_api_errors_total{type="ResourceNotFoundException"} 1',
    'tardigrade_api_errors_total{type="UnknownOperationException"} 1',
    'tardigrade_api_errors_total{type="other"} 1', // S3's AccessDenied
    'tardigrade_api_requests_total{service="lambda",operation="Health",status="2xx"} 1',
    'tardigrade_api_requests_total{service="lambda",operation="ListMicrovms",status="2xx"} 1',
    'tardigrade_api_requests_total{service="lambda",operation="ListMicrovms",status="4xx"} 1',
    'tardigrade_api_requests_total{service="s3",operation="other",status="4xx"} 1',
    'tardigrade_api_requests_total{service="tardigrade",operation="ListMicrovmLaunches",status="4xx"} 1',
    'tardigrade_api_requests_total{service="tardigrade",operation="other",status="4xx"} 1',
  ].sort());
});
