import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { cost } from '../../../src/cli/cost.js';
import { loadConfig, type Config } from '../../../src/config/config.js';
import { loadOrCreateCredentials } from '../../../src/keys/credentials.js';
import { NOTHING } from '../../../src/usage/ledger.js';
import { accountId, startHarness, type Harness } from '../../conformance/harness.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function setUp(t: TestContext): Promise<{ api: Harness; config: Config; printed: (...args: string[]) => Promise<string> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-cost-'));
  const [key] = await loadOrCreateCredentials(dataDir);
  const api = await startHarness(key === undefined ? {} : { keys: [key] });
  t.after(async () => {
    await api.close();
    await rm(dataDir, { recursive: true });
  });
  const config = loadConfig({ TARDIGRADE_DATA_DIR: dataDir, TARDIGRADE_API_PORT: String(api.port) });
  return {
    api,
    config,
    async printed(...args) {
      let out = '';
      await cost(args, config, (text) => (out += text));
      return out;
    },
  };
}

test('a table for people, JSON for programs, of the period asked for', async (t) => {
  const { api, printed } = await setUp(t);
  api.store.saveUsage([{ ...NOTHING, microvmId: 'a', accountId, day: '2026-02-03', memoryMiB: 2048, runningSeconds: 3600, cpuSeconds: 12.34, measuredSeconds: 100, memoryByteSeconds: 100 * 64 * 1024 ** 2, peakMemoryBytes: 80 * 1024 ** 2, launches: 1 }], [], []);
  const text = await printed('--from', '2026-02-01', '--to', '2026-02-28');
  assert.match(text, /^Account 123456789012, 2026-02-01 to 2026-02-28 \(UTC\): 1 MicroVM, 1 launches/);
  assert.match(text, /^Running 3600 s, suspended 0 s; CPU 12\.3 s; memory 64 MiB on average, 80 MiB at most$/m);
  assert.match(text, /^vCPU, baseline +3600\.000 vCPU-seconds +× 0\.0000276944 +0\.099700$/m);
  assert.match(text, /^On AWS, US dollars +0\.126100$/m); // and 7200 GB-seconds of memory
  const json = JSON.parse(await printed('--json', '--from', '2026-02-03')) as { period: unknown; cost: number };
  assert.ok(json.cost > 0.126 && json.cost < 0.127);
});

test('what is wrong is said: a bad day, an option that is none, a service that is not there', async (t) => {
  const { api, printed } = await setUp(t);
  await assert.rejects(printed('--from', 'monday'), /'monday' is no day: write it as YYYY-MM-DD/);
  await assert.rejects(printed('--since', '2026-01-01'), /--since/);
  await api.close();
  await assert.rejects(printed(), /nothing answers at http:\/\/127\.0\.0\.1:\d+ .*is the service running/);
});
