/**
 * A month of the described usage, from what one real MicroVM was seen to use. The days are gone through request by
 * request, under the idle policy and the lifetime of AWS; the sums are billed as AWS bills them (docs/usage.md).
 */
import { chargesOf, costOf, type Prices } from '../usage/contracts.js';
import type { Measured, Month, MonthUse, Pattern } from './types.js';

/** A MicroVM's whole life at most, suspended time included: AWS's limit. */
export const LIFETIME_S = 28_800;
/** Of the month the comparison is for. */
export const MONTH_DAYS = 30;
const DAY_S = 86_400;
const HOUR_S = 3600;
const GB = 1024 ** 3;

/** What one user's MicroVMs do in a month. Each request finds one that runs, or resumes it, or launches another. */
export function walkMonth(pattern: Pattern): MonthUse {
  const total = { activeSeconds: 0, idleSeconds: 0, suspendedSeconds: 0, launches: 0, resumes: 0, suspends: 0 };
  const gap = HOUR_S / pattern.requestsPerHour;
  const perDay = requestsPerDay(pattern);
  /** Seconds since the month began: when its lifetime ends, and until when it is busy. */
  let life: { readonly ends: number; busyUntil: number } | undefined;

  /** Goes from the end of the last activity to `now`; ends the MicroVM when its time is over. */
  const rest = (now: number): 'running' | 'suspended' | 'none' => {
    if (life === undefined) return 'none';
    const { busyUntil, ends } = life;
    const suspendsAt = busyUntil + pattern.maxIdleDurationSeconds;
    total.idleSeconds += Math.max(0, Math.min(now, suspendsAt, ends) - busyUntil);
    if (now <= suspendsAt && now < ends) return 'running';
    if (suspendsAt < ends) {
      total.suspends++;
      const overAt = Math.min(ends, suspendsAt + pattern.suspendedDurationSeconds);
      total.suspendedSeconds += Math.min(now, overAt) - suspendsAt;
      if (now < overAt) return 'suspended';
    }
    life = undefined;
    return 'none';
  };

  for (let day = 0; day < pattern.daysPerMonth; day++) {
    for (let nth = 0; nth < perDay; nth++) {
      const now = day * DAY_S + nth * gap;
      const busy = life !== undefined && now < life.busyUntil && now < life.ends;
      const found = busy ? 'running' : rest(now);
      if (found === 'none') total.launches++;
      if (found === 'suspended') total.resumes++;
      life ??= { ends: now + LIFETIME_S, busyUntil: now };
      // Requests that overlap are served side by side: time counts once.
      const from = busy ? life.busyUntil : now;
      const until = Math.max(from, Math.min(now + pattern.secondsOfActivity, life.ends));
      total.activeSeconds += until - from;
      life.busyUntil = until;
    }
  }
  rest(Number.POSITIVE_INFINITY);
  return timesUsers(total, pattern.users);
}

/** The same requests to MicroVMs that never suspend and are launched again when their lifetime is over, day and night. */
export function alwaysOn(pattern: Pattern): MonthUse {
  const seconds = MONTH_DAYS * DAY_S;
  const requests = pattern.daysPerMonth * requestsPerDay(pattern);
  const activeSeconds = requests * Math.min(pattern.secondsOfActivity, HOUR_S / pattern.requestsPerHour);
  return timesUsers({ activeSeconds, idleSeconds: seconds - activeSeconds, suspendedSeconds: 0, launches: Math.ceil(seconds / LIFETIME_S), resumes: 0, suspends: 0 }, pattern.users);
}

/** At least one; a millionth keeps 0.1 × 60 a whole number. */
function requestsPerDay({ hoursPerDay, requestsPerHour }: Pattern): number {
  return Math.max(1, Math.floor(hoursPerDay * requestsPerHour + 1e-6));
}

function timesUsers(one: MonthUse, users: number): MonthUse {
  const { activeSeconds, idleSeconds, suspendedSeconds, launches, resumes, suspends } = one;
  return {
    activeSeconds: activeSeconds * users, idleSeconds: idleSeconds * users, suspendedSeconds: suspendedSeconds * users,
    launches: launches * users, resumes: resumes * users, suspends: suspends * users,
  };
}

/** The image is stored for all of the month, once for all users. */
export function billed(use: MonthUse, measured: Measured, prices: Prices): Month {
  const runningSeconds = use.activeSeconds + use.idleSeconds;
  const usage = {
    runningSeconds,
    suspendedSeconds: use.suspendedSeconds,
    cpuSeconds: use.activeSeconds * measured.activeCpuPerSecond + use.idleSeconds * measured.idleCpuPerSecond + use.launches * measured.launchCpuSeconds + use.resumes * measured.resumeCpuSeconds,
    burstCpuSeconds: use.activeSeconds * measured.activeBurstCpuPerSecond + use.idleSeconds * measured.idleBurstCpuPerSecond
      + use.launches * measured.launchBurstCpuSeconds + use.resumes * measured.resumeBurstCpuSeconds,
    measuredSeconds: runningSeconds,
    memoryByteSeconds: runningSeconds * measured.memoryBytes,
    burstMemoryByteSeconds: runningSeconds * measured.burstMemoryBytes,
    peakMemoryBytes: measured.memoryBytes,
    snapshotReadBytes: use.launches * measured.launchReadBytes + use.resumes * measured.resumeReadBytes,
    snapshotWrittenBytes: use.suspends * measured.suspendWrittenBytes,
    storedByteSeconds: use.suspendedSeconds * measured.suspendedBytes,
    launches: use.launches, resumes: use.resumes, suspends: use.suspends,
  };
  const lines = chargesOf({
    usage,
    baselineMiBSeconds: runningSeconds * measured.memoryMiB,
    imageGbHours: (measured.imageStoredBytes / GB) * ((MONTH_DAYS * DAY_S) / HOUR_S),
  }, prices);
  return { use, lines, cost: costOf(lines) };
}
