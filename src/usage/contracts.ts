/**
 * What MicroVMs use, and what AWS would charge for it. `microvms/` tells the meter what begins and ends, `api/` asks for
 * reports.
 */
import type { MicrovmRecord, UsageAmounts, UsageDay, UsagePeriod } from '../store/contracts.js';
import type { Charge } from './bill.js';

export { chargesOf, costOf } from './charges.js';
export type { Charge, Prices } from './bill.js';

export type MeteredVm = Pick<MicrovmRecord, 'id' | 'accountId' | 'imageArn' | 'imageVersion'>;

/** Every method is cheap and never throws: a usage that cannot be written is logged and written later. */
export interface UsageMeter {
  /** It is RUNNING, in the VMM of that pid: launched, resumed, or taken over from an earlier daemon. */
  running(vm: MeteredVm, pid: number): void;
  /** A last look before its VMM is ended or suspended: what it used since the look before would else be lost. */
  leaving(id: string): Promise<void>;
  /** It is SUSPENDED; `bytes` were written for that. */
  suspended(id: string, bytes: number): void;
  /** It is over, from whatever state. */
  ended(id: string): void;
}

/** `at`: ms since 1970; cpu: vCPUs used since the sample before. */
export interface MicrovmSample {
  readonly at: number;
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface UsageSamples {
  readonly intervalSeconds: number;
  /** Oldest first, of the last hour; those from `since` on, ms since 1970. None of a MicroVM that has ended. */
  of(id: string, since?: number): readonly MicrovmSample[];
  /** Absent: it does not run, or was not looked at yet. memoryMiB: its baseline. */
  latest(vm: MeteredVm): { readonly cpu?: number | undefined; readonly memoryBytes?: number | undefined; readonly memoryMiB: number; readonly runningSeconds: number };
}

export interface UsageReport {
  readonly accountId: string;
  readonly period: UsagePeriod;
  /** How many MicroVMs used something. */
  readonly microvms: number;
  readonly usage: UsageAmounts;
  readonly charges: readonly Charge[];
  /** Sum of the charges, US dollars. */
  readonly cost: number;
}

export interface MicrovmUsage {
  readonly microvmId: string;
  readonly memoryMiB: number;
  readonly usage: UsageAmounts;
  readonly days: readonly UsageDay[];
  /** Without storage of its image, which is shared. */
  readonly charges: readonly Charge[];
  readonly cost: number;
}

/** Both look at what runs first, so that the answer is of now. */
export interface UsageReports {
  /** Absent days: the first of this month, and today. Throws ValidationError. */
  ofAccount(accountId: string, from?: string, to?: string): Promise<UsageReport>;
  /** undefined: nothing is known of it. */
  ofMicrovm(id: string): Promise<MicrovmUsage | undefined>;
}
