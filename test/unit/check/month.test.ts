/** A month of usage, against sums made by hand. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { alwaysOn, billed, LIFETIME_S, MONTH_DAYS, walkMonth } from '../../../src/check/month.js';
import type { Measured, Pattern } from '../../../src/check/types.js';

const pattern = (more: Partial<Pattern> = {}): Pattern => ({
  users: 1, daysPerMonth: 1, hoursPerDay: 1, requestsPerHour: 6, secondsOfActivity: 10, maxIdleDurationSeconds: 60, suspendedDurationSeconds: 28_800, ...more,
});

describe('a day of one user', () => {
  it('suspends between requests and resumes for each', () => {
    // Every 600 s: 10 busy, 60 idle, 530 suspended; after the last one suspended until 28,800 s after the launch.
    assert.deepEqual(walkMonth(pattern()), { activeSeconds: 60, idleSeconds: 360, suspendedSeconds: 5 * 530 + (LIFETIME_S - 3000 - 70), launches: 1, resumes: 5, suspends: 6 });
  });

  it('never suspends while requests come before the idle time is over', () => {
    assert.deepEqual(walkMonth(pattern({ requestsPerHour: 60 })), { activeSeconds: 600, idleSeconds: 59 * 50 + 60, suspendedSeconds: LIFETIME_S - 59 * 60 - 70, launches: 1, resumes: 0, suspends: 1 });
  });

  it('launches anew after it was suspended for too long', () => {
    assert.deepEqual(walkMonth(pattern({ suspendedDurationSeconds: 100 })), { activeSeconds: 60, idleSeconds: 360, suspendedSeconds: 600, launches: 6, resumes: 0, suspends: 6 });
    assert.deepEqual(walkMonth(pattern({ suspendedDurationSeconds: 0 })), { activeSeconds: 60, idleSeconds: 360, suspendedSeconds: 0, launches: 6, resumes: 0, suspends: 6 });
  });

  it('counts requests that overlap once', () => {
    const { activeSeconds, idleSeconds } = walkMonth(pattern({ requestsPerHour: 60, secondsOfActivity: 90 }));
    assert.deepEqual([activeSeconds, idleSeconds], [59 * 60 + 90, 60]);
  });

  it('ends with the lifetime, busy or not, and the next request launches', () => {
    const { launches, activeSeconds, idleSeconds, suspendedSeconds } = walkMonth(pattern({ hoursPerDay: 24, requestsPerHour: 60, secondsOfActivity: 60 }));
    assert.deepEqual([launches, activeSeconds, idleSeconds, suspendedSeconds], [3, 86_400, 0, 0]);
  });
});

test('a month is its days, for each user', () => {
  const day = walkMonth(pattern());
  const month = walkMonth(pattern({ daysPerMonth: 20, users: 3 }));
  assert.deepEqual(month, Object.fromEntries(Object.entries(day).map(([member, value]) => [member, value * 60])));
});

test('whatever the pattern: no time is negative, all of it fits, each suspend is resumed or ended', () => {
  const patterns = fc.record({
    users: fc.integer({ min: 1, max: 5 }), daysPerMonth: fc.integer({ min: 1, max: 30 }), hoursPerDay: fc.double({ min: 0.1, max: 24, noNaN: true }),
    requestsPerHour: fc.double({ min: 0.01, max: 60, noNaN: true }), secondsOfActivity: fc.double({ min: 0.01, max: 5000, noNaN: true }),
    maxIdleDurationSeconds: fc.integer({ min: 60, max: 28_800 }), suspendedDurationSeconds: fc.integer({ min: 0, max: 60_000 }),
  });
  fc.assert(fc.property(patterns, (one) => {
    const use = walkMonth(one);
    assert.ok(Object.values(use).every((value) => value >= 0));
    assert.ok(use.activeSeconds + use.idleSeconds + use.suspendedSeconds <= use.launches * LIFETIME_S + 1e-3);
    assert.ok(use.resumes <= use.suspends);
    assert.ok(use.suspends - use.resumes <= use.launches);
  }), { numRuns: 200 });
});

test('always on is all of the month, with a launch for each lifetime', () => {
  assert.deepEqual(alwaysOn(pattern({ users: 2, daysPerMonth: 22, hoursPerDay: 8 })), {
    activeSeconds: 2 * 22 * 48 * 10, idleSeconds: 2 * (MONTH_DAYS * 86_400 - 22 * 48 * 10), suspendedSeconds: 0, launches: 180, resumes: 0, suspends: 0,
  });
});

test('the bill: each line is its quantity in AWS\'s units, at its price', () => {
  const GB = 1024 ** 3;
  const measured: Measured = {
    memoryMiB: 1024, idleCpuPerSecond: 0.1, idleBurstCpuPerSecond: 0.25, activeCpuPerSecond: 1, activeBurstCpuPerSecond: 0.5, launchCpuSeconds: 2, launchBurstCpuSeconds: 1,
    resumeCpuSeconds: 1, resumeBurstCpuSeconds: 0.5, memoryBytes: GB, burstMemoryBytes: GB / 2, launchReadBytes: 2 * GB, resumeReadBytes: GB, suspendWrittenBytes: 3 * GB,
    suspendedBytes: 4 * GB, imageStoredBytes: 5 * GB,
  };
  const prices = { vcpuSecond: 1, memoryGbSecond: 10, snapshotReadGb: 100, snapshotWriteGb: 1000, snapshotStorageGbHour: 10_000 };
  const { lines, cost } = billed({ activeSeconds: 100, idleSeconds: 100, suspendedSeconds: 3600, launches: 2, resumes: 4, suspends: 6 }, measured, prices);
  assert.deepEqual(lines.map(({ dimension, quantity, unitPrice }) => [dimension, quantity, unitPrice]), [
    ['vCPU, baseline', 100, 1], // half a vCPU
    ['vCPU, above baseline', 100 * 0.5 + 100 * 0.25 + 2 * 1 + 4 * 0.5, 1],
    ['Memory, baseline', 200, 10],
    ['Memory, above baseline', 100, 10],
    ['Snapshot read', 8, 100],
    ['Snapshot write', 18, 1000],
    ['Snapshot storage, image versions', 5 * 720, 10_000],
    ['Snapshot storage, suspended MicroVMs', 4, 10_000],
  ]);
  assert.equal(cost, lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0));
});
