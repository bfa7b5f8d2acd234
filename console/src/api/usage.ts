/** What was used, and what AWS would charge (docs/usage.md). */
import { call, query } from './client.js';

export interface Charge {
  readonly dimension: string;
  readonly unit: string;
  readonly quantity: number;
  readonly unitPrice: number;
  /** US dollars */
  readonly cost: number;
}

export interface UsageAmounts {
  readonly runningSeconds: number;
  readonly suspendedSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryBytes: number;
  readonly launches: number;
  readonly resumes: number;
  readonly suspends: number;
}

export interface UsageReport {
  readonly period: { readonly from: string; readonly to: string };
  readonly microvms: number;
  readonly usage: UsageAmounts;
  readonly charges: readonly Charge[];
  readonly cost: number;
}

export interface MicrovmUsage {
  readonly memoryMiB: number;
  readonly usage: UsageAmounts;
  readonly charges: readonly Charge[];
  readonly cost: number;
}

/** Days as YYYY-MM-DD, UTC; without: this month until today. */
export const getUsageReport = (from: string | undefined, to: string | undefined, signal: AbortSignal): Promise<UsageReport> => call(`/api/tardigrade/v1/usage${query({ from, to })}`, { signal });
export const getMicrovmUsage = (id: string, signal: AbortSignal): Promise<MicrovmUsage> => call(`/api/tardigrade/v1/microvms/${encodeURIComponent(id)}/usage`, { signal });
