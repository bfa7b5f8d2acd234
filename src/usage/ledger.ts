/** Amounts not yet written, by MicroVM and day. */
import type { UsageAmounts, UsageDay } from '../store/contracts.js';

export const NOTHING: UsageAmounts = {
  runningSeconds: 0,
  suspendedSeconds: 0,
  cpuSeconds: 0,
  burstCpuSeconds: 0,
  measuredSeconds: 0,
  memoryByteSeconds: 0,
  burstMemoryByteSeconds: 0,
  peakMemoryBytes: 0,
  snapshotReadBytes: 0,
  snapshotWrittenBytes: 0,
  storedByteSeconds: 0,
  launches: 0,
  resumes: 0,
  suspends: 0,
};

const MEMBERS = Object.keys(NOTHING) as (keyof UsageAmounts)[];

/** Members that the span is spread over; what happens at one moment is on its last day. */
const SPREAD: ReadonlySet<keyof UsageAmounts> = new Set<keyof UsageAmounts>([
  'runningSeconds', 'suspendedSeconds', 'cpuSeconds', 'burstCpuSeconds', 'measuredSeconds', 'memoryByteSeconds', 'burstMemoryByteSeconds', 'storedByteSeconds',
]);

export function sum(a: UsageAmounts, b: UsageAmounts): UsageAmounts {
  return Object.fromEntries(MEMBERS.map((member) => [member, member === 'peakMemoryBytes' ? Math.max(a[member], b[member]) : a[member] + b[member]])) as unknown as UsageAmounts;
}

export class Ledger {
  readonly #days = new Map<string, UsageDay>();

  /** `parts`: days and their shares of the span, in order. */
  add(of: Pick<UsageDay, 'microvmId' | 'accountId' | 'memoryMiB'>, parts: readonly { readonly day: string; readonly share: number }[], amounts: Partial<UsageAmounts>): void {
    parts.forEach(({ day, share }, index) => {
      const last = index === parts.length - 1;
      const portion = Object.fromEntries(
        MEMBERS.map((member) => {
          const amount = amounts[member] ?? 0;
          if (SPREAD.has(member)) return [member, amount * share];
          return [member, last ? amount : 0];
        }),
      ) as unknown as UsageAmounts;
      const key = `${of.microvmId} ${day}`;
      this.#days.set(key, { ...of, day, ...sum(this.#days.get(key) ?? NOTHING, portion) });
    });
  }

  rows(): UsageDay[] {
    return [...this.#days.values()];
  }

  clear(): void {
    this.#days.clear();
  }
}
