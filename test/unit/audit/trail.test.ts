import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ServedRequest } from '../../../src/api/contracts.js';
import { AUDIT_LOG_GROUP } from '../../../src/audit/contracts.js';
import { HIDDEN, redact } from '../../../src/audit/redact.js';
import { loadConfig } from '../../../src/config/config.js';
import { startAudit } from '../../../src/daemon/audit.js';
import { createLogStore } from '../../../src/logs/store.js';
import { noMetrics } from '../../../src/metrics/contracts.js';
import { FakeClock } from '../microvms/fakes.js';
import { pino } from 'pino';

const ACCOUNT = '000000000000';
const request = (over: Partial<ServedRequest> = {}): ServedRequest => ({
  requestId: 'r', at: 0, ms: 1, method: 'POST', service: 'lambda', operation: 'RunMicrovm', caller: { accountId: ACCOUNT, accessKeyId: 'TDGK' }, proven: true, sourceIp: '::ffff:10.0.0.1',
  userAgent: 'x', parameters: {}, response: {}, status: 200, error: undefined, ...over,
});

async function started(t: TestContext, auditMaxMiB: number) {
  const dataDir = await mkdtemp(join(tmpdir(), 'audit-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const clock = new FakeClock();
  const counts = { written: 0, 'left-out': 0 };
  const audit = startAudit({
    config: { dataDir, auditMaxMiB, region: 'us-east-1' }, logs: createLogStore(join(dataDir, 'logs')), clock, logger: pino({ level: 'silent' }),
    metrics: { ...noMetrics, audited: (outcome) => { counts[outcome]++; } },
  });
  return { dataDir, clock, counts, audit };
}

const sizeOf = async (dir: string): Promise<number> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
};

test('however many calls an account makes, its log stays within its size, and what changed something stays in it', async (t) => {
  const { dataDir, audit } = await started(t, 8);
  audit.served?.(request({ requestId: 'the change' }));
  for (let batch = 0; batch < 10; batch++) {
    for (let i = 0; i < 500; i++) audit.served?.(request({ operation: 'ListMicrovms', parameters: { filler: 'x'.repeat(1000) } }));
    for (let i = 0; i < 500; i++) audit.served?.(request({ service: 's3', operation: 'PutObject', parameters: { key: 'x'.repeat(1000) } }));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await audit.close();
  const size = await sizeOf(join(dataDir, 'audit'));
  assert.ok(size > 3 * 1024 * 1024 && size <= 8 * 1024 * 1024, `${size} bytes are kept`);
  const page = await audit.logs.streamPage(ACCOUNT, AUDIT_LOG_GROUP, 'changes', { from: 'start', direction: 'forward', limit: 10, maxBytes: 100_000 });
  assert.deepEqual(page?.events.map(({ text }) => (JSON.parse(text) as { requestID: string; sourceIPAddress: string })).map(({ requestID, sourceIPAddress }) => [requestID, sourceIPAddress]), [['the change', '10.0.0.1']]);
});

test('refusals are recorded at a rate, each account at its own', async (t) => {
  const { audit, clock, counts } = await started(t, 8);
  for (let i = 0; i < 300; i++) audit.served?.(request({ proven: false, status: 403 }));
  assert.deepEqual(counts, { written: 200, 'left-out': 100 });
  for (let i = 0; i < 10; i++) audit.served?.(request({ status: 429 }));
  assert.equal(counts['left-out'], 110);
  audit.served?.(request({ proven: false, caller: { accountId: '111111111111', accessKeyId: 'TDGK2' } }));
  clock.advance(1_000);
  for (let i = 0; i < 20; i++) audit.served?.(request({ proven: false }));
  assert.deepEqual(counts, { written: 211, 'left-out': 120 });
  audit.served?.(request({ caller: undefined, proven: false }));
  assert.deepEqual(counts, { written: 211, 'left-out': 120 }, 'whose key is nobody’s is in no account');
  await audit.close();
});

test('with no size nothing is written', async (t) => {
  assert.throws(() => loadConfig({ TARDIGRADE_AUDIT_MAX_MIB: '7' }), /TARDIGRADE_AUDIT_MAX_MIB is "7": must be 0 or at least 8/);
  const { audit, dataDir } = await started(t, 0);
  assert.equal(audit.served, undefined);
  await audit.close();
  assert.ok(!(await readdir(dataDir)).includes('audit'));
});

test('redaction hides by name at any depth, and bounds what is kept', () => {
  assert.deepEqual(redact({ a: [{ sessionToken: 'x', fine: 1 }], Password: { deep: 'x' }, environmentVariables: { A: 'x' }, X_SECRET_X: null, gone: undefined }), { a: [{ sessionToken: HIDDEN, fine: 1 }], Password: HIDDEN, environmentVariables: HIDDEN, X_SECRET_X: HIDDEN });
  assert.equal(redact(undefined), null);
  assert.equal((redact({ text: 'x'.repeat(5000) }) as { text: string }).text.length, 1025);
  assert.match((redact(Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`m${i}`, 'x'.repeat(1000)]))) as { omitted: string }).omitted, /more than the 8192/);
  let deep: unknown = 'end';
  for (let i = 0; i < 10_000; i++) deep = [deep];
  assert.ok(JSON.stringify(redact(deep)).length < 100);
});
