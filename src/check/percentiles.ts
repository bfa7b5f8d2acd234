/** Percentiles of a few samples: nearest rank, so that each is a value that was really seen. */
import type { Percentiles } from './types.js';

/** `share`: 0–1. NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function percentiles(samples: readonly number[]): Percentiles {
  const at = (share: number): number => percentile(samples, share);
  return { n: samples.length, min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
