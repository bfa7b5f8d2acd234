/** Times and counts of a build. AWS publishes none of them but the number at once (5). */
import { ARCHIVE_LIMITS, type ArchiveLimits } from './artifact/limits.js';

export interface BuildLimits {
  /** Of all steps together, ms; the time in the queue is not counted. Unknown: build-timeout */
  readonly totalMs: number;
  /** From power-on until the guest agent answers, ms. Seconds in practice; a loaded host under TCG takes longer. */
  readonly agentUpMs: number;
  /** Without a ready hook: how long the application must run before the snapshot, ms. Unknown: no-ready-hook */
  readonly settleMs: number;
  /** Between two log lines about a hook's tries, ms. */
  readonly hookReportMs: number;
  readonly archive: ArchiveLimits;
}

export const BUILD_LIMITS: BuildLimits = {
  totalMs: 60 * 60_000,
  agentUpMs: 3 * 60_000,
  settleMs: 2_000,
  hookReportMs: 5_000,
  archive: ARCHIVE_LIMITS,
};

/** A build keeps about two CPUs busy (compiling, compressing), whatever else runs beside it. Unknown: builds-at-once */
export function buildsAtOnce(hostCpus: number): number {
  return Math.max(1, Math.floor(hostCpus / 2));
}
