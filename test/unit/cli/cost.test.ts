import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { NOTHING } from '../../../src/usage/ledger.js';
import { accountId, key, region, startHarness, type Harness } from '../../conformance/harness.js';
import { cli, type Outcome } from './support/run.js';

async function setUp(t: TestContext): Promise<{ api: Harness; cost: (...args: string[]) => Promise<Outcome> }> {
  const api = await startHarness();
  t.after(() => api.close());
  const env = { AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region };
  return { api, cost: (...args) => cli(['cost', ...args], env) };
}

test('a table for people, JSON for programs, of the period asked for', async (t) => {
  const { api, cost } = await setUp(t);
  api.store.saveUsage([{ ...NOTHING, microvmId: 'a', accountId, day: '2026-02-03', memoryMiB: 2048, runningSeconds: 3600, cpuSeconds: 12.34, measuredSeconds: 100, memoryByteSeconds: 100 * 64 * 1024 ** 2, peakMemoryBytes: 80 * 1024 ** 2, launches: 1 }], [], []);
  const { stdout: text } = await cost('--from', '2026-02-01', '--to', '2026-02-28');
  assert.match(text, /^Account 123456789012, 2026-02-01 to 2026-02-28 \(UTC\): 1 MicroVM, 1 launches/);
  assert.match(text, /^Running 3600 s, suspended 0 s; CPU 12\.3 s; memory 64 MiB on average, 80 MiB at most$/m);
  assert.match(text, /^vCPU, baseline +3600\.000 vCPU-seconds +× 0\.0000276944 +0\.099700$/m);
  assert.match(text, /^On AWS, US dollars +0\.126100$/m); // and 7200 GB-seconds of memory
  const json = JSON.parse((await cost('--json', '--from', '2026-02-03')).stdout) as { period: unknown; cost: number };
  assert.ok(json.cost > 0.126 && json.cost < 0.127);
});

test('what is wrong is said: a bad day, an option that is none, a service that is not there', async (t) => {
  const { api, cost } = await setUp(t);
  const bad = await cost('--from', 'monday');
  assert.deepEqual([bad.code, /'monday' is no day: write it as YYYY-MM-DD/.test(bad.stderr)], [2, true]);
  const unknown = await cost('--since', '2026-01-01');
  assert.deepEqual([unknown.code, /--since/.test(unknown.stderr)], [2, true]);
  await api.close();
  const away = await cost();
  assert.deepEqual([away.code, /nothing answers at http:\/\/127\.0\.0\.1:\d+ .*is the service running/.test(away.stderr)], [5, true]);
});
