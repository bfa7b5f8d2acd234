import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { OperatorError, ValidationError } from '../../../src/errors/index.js';
import type { Store, UsageAmounts } from '../../../src/store/contracts.js';
import { storageGbHours } from '../../../src/usage/charges.js';
import type { UsageReports } from '../../../src/usage/contracts.js';
import { NOTHING } from '../../../src/usage/ledger.js';
import { AWS_PRICES, loadPrices } from '../../../src/usage/prices.js';
import { createReports } from '../../../src/usage/reports.js';
import { accountId, imageArn, insertImage, MIB, NOON, openScratchStore } from './support.js';

const GB = 1024 * MIB;
const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;

function reportsOver(store: Store, now = NOON): UsageReports {
  return createReports({ store, clock: { now: () => now, steady: () => now, after: () => () => undefined }, prices: AWS_PRICES, refresh: () => Promise.resolve() });
}

const used = (microvmId: string, day: string, memoryMiB: number, amounts: Partial<UsageAmounts>, account = accountId) => ({ ...NOTHING, microvmId, accountId: account, day, memoryMiB, ...amounts });

/** Quantities by dimension. */
const quantities = (charges: readonly { dimension: string; quantity: number }[]): Record<string, number> => Object.fromEntries(charges.map(({ dimension, quantity }) => [dimension, quantity]));

test('a report has AWS’s units and prices, for the days of the period and the account alone', async (t) => {
  const store = await openScratchStore(t);
  store.saveUsage([
    used('a', '2026-11-01', 2048, { runningSeconds: 1000, cpuSeconds: 1500, burstCpuSeconds: 500, burstMemoryByteSeconds: 3 * GB * 100, snapshotReadBytes: 2 * GB, launches: 1, peakMemoryBytes: 5 * GB }),
    used('b', '2026-11-24', 512, { runningSeconds: 400, suspendedSeconds: 7200, storedByteSeconds: GB * 7200, snapshotWrittenBytes: GB / 2, suspends: 1, peakMemoryBytes: GB }),
    used('a', '2026-10-31', 2048, { runningSeconds: 1_000_000 }),
    used('c', '2026-11-24', 8192, { runningSeconds: 1_000_000 }, '111111111111'),
  ], [], []);
  const report = await reportsOver(store).ofAccount(accountId);
  assert.deepEqual([report.period, report.microvms, report.usage.peakMemoryBytes], [{ from: '2026-11-01', to: '2026-11-24' }, 2, 5 * GB]);
  assert.deepEqual(quantities(report.charges), {
    'vCPU, baseline': 1000 + 100, 'vCPU, above baseline': 500,
    'Memory, baseline': 2000 + 200, 'Memory, above baseline': 300,
    'Snapshot read': 2, 'Snapshot write': 0.5,
    'Snapshot storage, image versions': 0, 'Snapshot storage, suspended MicroVMs': 2,
  });
  const expected = 1600 * 0.0000276944 + 2500 * 0.0000036667 + 2 * 0.0015467699 + 0.5 * 0.0037977138 + 2 * 0.0001111111;
  assert.ok(Math.abs(report.cost - expected) < 1e-12);

  const one = await reportsOver(store).ofMicrovm('a');
  assert.deepEqual([one?.days.map(({ day }) => day), one?.usage.runningSeconds, one?.charges[0]?.quantity], [['2026-10-31', '2026-11-01'], 1_001_000, 1_001_000]);
  assert.equal(await reportsOver(store).ofMicrovm('nobody'), undefined);
});

test('periods: one day, whole days of others, and what is none', async (t) => {
  const store = await openScratchStore(t);
  store.saveUsage([1, 2, 3].map((day) => used('a', `2026-02-0${day}`, 2048, { runningSeconds: 10 ** day })), [], []);
  const running = async (from?: string, to?: string): Promise<number> => (await reportsOver(store).ofAccount(accountId, from, to)).usage.runningSeconds;
  assert.deepEqual([await running('2026-02-02', '2026-02-02'), await running('2026-02-02', '2026-02-28'), await running(undefined, '2026-02-02'), await running()], [100, 1100, 110, 0]);
  for (const [from, to] of [['2026-02-30', undefined], ['yesterday', undefined], [undefined, '2026-2-1'], ['2026-02-03', '2026-02-02'], ['2026-13-01', undefined]]) {
    await assert.rejects(running(from, to), ValidationError, `${from} ${to}`);
  }
});

test('storage of a version: while it is there, a week at least, within the period', () => {
  const version = { imageArn, version: '1.0', bytes: 2 * GB, storedFrom: NOON };
  const hours = (deletedAt: number | undefined, from: number, to: number, now: number): number => storageGbHours([{ ...version, deletedAt }], from, to, now);
  const always = [0, NOON + 100 * WEEK] as const;
  assert.equal(hours(undefined, ...always, NOON + 3 * HOUR), 6);
  assert.equal(hours(NOON + 3 * HOUR, ...always, NOON + 3 * HOUR), 2 * 168);
  assert.equal(hours(NOON + 2 * WEEK, ...always, NOON + 5 * WEEK), 2 * 336);
  assert.equal(hours(NOON + 3 * HOUR, NOON + HOUR, NOON + 4 * HOUR, NOON + WEEK), 6);
  assert.equal(hours(undefined, NOON + WEEK, NOON + 2 * WEEK, NOON + 3 * HOUR), 0);
});

test('versions are noted with their size when built, and kept when deleted; INACTIVE ones count', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  store.syncStoredVersions(NOON + HOUR);
  store.syncStoredVersions(NOON + 2 * HOUR);
  assert.deepEqual(store.storedVersions(accountId), [{ imageArn, version: '1.0', bytes: 512 * MIB, storedFrom: NOON, deletedAt: undefined }]);
  store.updateVersion(imageArn, '1.0', { status: 'INACTIVE', updatedAt: NOON + 3 * HOUR });
  const day = await reportsOver(store, NOON + 4 * HOUR).ofAccount(accountId);
  assert.equal(quantities(day.charges)['Snapshot storage, image versions'], 2);
  store.deleteImage(imageArn);
  insertImage(store); // the same name anew
  store.syncStoredVersions(NOON + 5 * HOUR);
  assert.deepEqual(store.storedVersions(accountId).map(({ deletedAt }) => deletedAt), [NOON + 5 * HOUR, undefined]);
});

test('old days and versions are forgotten', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  store.syncStoredVersions(NOON);
  store.deleteImage(imageArn);
  store.syncStoredVersions(NOON);
  store.saveUsage([used('a', '2026-11-24', 512, { launches: 1 }), used('a', '2026-11-25', 512, { launches: 1 })], [], []);
  store.pruneUsage('2026-11-25', NOON + 1);
  assert.deepEqual([store.usageOfMicrovm('a').map(({ day }) => day), store.storedVersions(accountId)], [['2026-11-25'], []]);
});

test('prices: AWS’s, some of the operator’s own, and a bad file stops the start', async (t) => {
  assert.deepEqual(await loadPrices(undefined), AWS_PRICES);
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-prices-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'prices.json');
  await writeFile(file, '{"vcpuSecond": 0.5, "snapshotReadGb": 0}');
  assert.deepEqual(await loadPrices(file), { ...AWS_PRICES, vcpuSecond: 0.5, snapshotReadGb: 0 });
  for (const bad of ['{"vcpuSecond": -1}', '{"cpu": 1}', '{"vcpuSecond": "1"}', 'no json', '[]']) {
    await writeFile(file, bad);
    await assert.rejects(loadPrices(file), OperatorError, bad);
  }
  await assert.rejects(loadPrices(join(dir, 'none.json')), OperatorError);
});
