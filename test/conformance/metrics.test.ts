/** `GET /metrics` on the API's listener. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from '../../src/api/metrics-page.js';
import { createMetrics } from '../../src/metrics/registry.js';
import { startHarness } from './harness.js';

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
