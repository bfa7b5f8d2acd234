/** Reports from the records, after a look at what runs. */
import type { Clock } from '../clock/index.js';
import { ValidationError } from '../errors/index.js';
import type { Store, UsagePeriod } from '../store/contracts.js';
import { chargesOf, costOf, storageGbHours } from './charges.js';
import type { Prices, UsageReports } from './contracts.js';
import { dayOf, startOf } from './days.js';
import { NOTHING, sum } from './ledger.js';

export interface ReportOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly prices: Prices;
  /** Brings the records up to now. */
  readonly refresh: () => Promise<void>;
}

const DAY_MS = 86_400_000;

export function createReports({ store, clock, prices, refresh }: ReportOptions): UsageReports {
  return {
    async ofAccount(accountId, from, to) {
      const now = clock.now();
      const period = periodOf(from, to, dayOf(now));
      await refresh();
      const { microvms, baselineMiBSeconds, ...usage } = store.usageTotals(accountId, period);
      const imageGbHours = storageGbHours(store.storedVersions(accountId), startOf(period.from), startOf(period.to) + DAY_MS, now);
      const charges = chargesOf({ usage, baselineMiBSeconds, imageGbHours }, prices);
      return { accountId, period, microvms, usage, charges, cost: costOf(charges) };
    },
    async ofMicrovm(id) {
      await refresh();
      const days = store.usageOfMicrovm(id);
      const [first] = days;
      if (first === undefined) return undefined;
      const usage = days.reduce(sum, NOTHING);
      const charges = chargesOf({ usage, baselineMiBSeconds: usage.runningSeconds * first.memoryMiB, imageGbHours: 0 }, prices);
      return { microvmId: id, memoryMiB: first.memoryMiB, usage, days, charges, cost: costOf(charges) };
    },
  };
}

function periodOf(from: string | undefined, to: string | undefined, today: string): UsagePeriod {
  const last = to ?? today;
  const period = { from: from ?? `${last.slice(0, 7)}-01`, to: last };
  for (const member of ['from', 'to'] as const) {
    const day = period[member];
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(startOf(day)) || dayOf(startOf(day)) !== day) throw new ValidationError(`'${day}' is no day: write it as YYYY-MM-DD`, member);
  }
  if (period.from > period.to) throw new ValidationError(`the period begins on ${period.from}, after its end on ${period.to}`, 'from');
  return period;
}
