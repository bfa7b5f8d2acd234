/** Usage in the units AWS bills (spec §11). */
import type { StoredVersion, UsageAmounts } from '../store/contracts.js';
import type { Charge, Prices } from './bill.js';

/** 2^30 bytes, as sizes of memory are. Unknown: gb-size */
const GB = 1024 ** 3;
const MIB_PER_GB = 1024;
/** 2 GB of memory come with one vCPU. */
const MIB_PER_VCPU = 2048;
const HOUR_S = 3600;
const HOUR_MS = HOUR_S * 1000;
/** A version's storage is charged for a week at least, however soon it is deleted. */
const LEAST_STORAGE_MS = 7 * 24 * HOUR_MS;

export interface Billable {
  readonly usage: UsageAmounts;
  readonly baselineMiBSeconds: number;
  readonly imageGbHours: number;
}

/** Always all lines, those of 0 too. */
export function chargesOf({ usage, baselineMiBSeconds, imageGbHours }: Billable, prices: Prices): Charge[] {
  const charge = (dimension: string, unit: string, quantity: number, unitPrice: number): Charge => ({ dimension, unit, quantity, unitPrice, cost: quantity * unitPrice });
  return [
    charge('vCPU, baseline', 'vCPU-second', baselineMiBSeconds / MIB_PER_VCPU, prices.vcpuSecond),
    charge('vCPU, above baseline', 'vCPU-second', usage.burstCpuSeconds, prices.vcpuSecond),
    charge('Memory, baseline', 'GB-second', baselineMiBSeconds / MIB_PER_GB, prices.memoryGbSecond),
    charge('Memory, above baseline', 'GB-second', usage.burstMemoryByteSeconds / GB, prices.memoryGbSecond),
    charge('Snapshot read', 'GB', usage.snapshotReadBytes / GB, prices.snapshotReadGb),
    charge('Snapshot write', 'GB', usage.snapshotWrittenBytes / GB, prices.snapshotWriteGb),
    charge('Snapshot storage, image versions', 'GB-hour', imageGbHours, prices.snapshotStorageGbHour),
    charge('Snapshot storage, suspended MicroVMs', 'GB-hour', usage.storedByteSeconds / GB / HOUR_S, prices.snapshotStorageGbHour),
  ];
}

export function costOf(charges: readonly Charge[]): number {
  return charges.reduce((sum, { cost }) => sum + cost, 0);
}

/** GB-hours in [`from`, `to`), ms. A deleted version goes on until its week is over, also in a part of it yet to come. */
export function storageGbHours(versions: readonly StoredVersion[], from: number, to: number, now: number): number {
  return versions.reduce((sum, { bytes, storedFrom, deletedAt }) => {
    const end = deletedAt === undefined ? now : Math.max(deletedAt, storedFrom + LEAST_STORAGE_MS);
    const overlap = Math.max(0, Math.min(end, to) - Math.max(storedFrom, from));
    return sum + (bytes / GB) * (overlap / HOUR_MS);
  }, 0);
}
