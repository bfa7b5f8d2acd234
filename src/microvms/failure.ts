/** What a step of a MicroVM failed by: what the operator's metrics call it, and what people read in `stateReason`. */
import { SnapshotRefusedError, type VmExit } from '../engine/contracts.js';
import type { FaultKind } from '../metrics/contracts.js';
import { HookFailedError } from './launcher.js';
import { reasons } from './reasons.js';

export interface Failure {
  readonly kind: FaultKind;
  readonly reason: string;
}

const STEPS = {
  launch: { kind: 'launch-failed', reason: reasons.launchFailed },
  suspend: { kind: 'suspend-failed', reason: reasons.suspendFailed },
  resume: { kind: 'resume-failed', reason: reasons.resumeFailed },
} as const satisfies Record<string, Failure>;

/** Paths and other facts of the host are for its log alone: tenants read the reason. */
export function failureOf(step: keyof typeof STEPS, error: unknown): Failure {
  const { kind, reason } = STEPS[step];
  const because = causeOf(error);
  if (because === undefined) return { kind, reason };
  if (because.kind === 'hook-failed') return because;
  return { kind: because.kind, reason: `${reason} ${because.reason}` };
}

function causeOf(error: unknown): Failure | undefined {
  if (error instanceof HookFailedError) return { kind: 'hook-failed', reason: error.message };
  if (error instanceof SnapshotRefusedError) {
    return error.kind === 'mismatch'
      ? { kind: 'snapshot-mismatch', reason: reasons.snapshotMismatch }
      : { kind: 'snapshot-damaged', reason: reasons.snapshotDamaged };
  }
  const codes = codesOf(error);
  if (codes.has('ENOSPC') || codes.has('EDQUOT') || codes.has('SQLITE_FULL')) return { kind: 'disk-full', reason: reasons.diskFull };
  if (codes.has('EROFS') || [...codes].some((code) => /^SQLITE_(READONLY|IOERR|CANTOPEN)/.test(code))) return { kind: 'store-unwritable', reason: reasons.unwritable };
  return undefined;
}

/** System error codes anywhere in an error and what it was made from. QEMU tells them as text only. */
function codesOf(error: unknown): Set<string> {
  const codes = new Set<string>();
  const visit = (one: unknown): void => {
    if (!(one instanceof Error)) return;
    if ('code' in one && typeof one.code === 'string') codes.add(one.code);
    if (/No space left on device/.test(one.message)) codes.add('ENOSPC');
    if (/Read-only file system/.test(one.message)) codes.add('EROFS');
    visit(one.cause);
    if (one instanceof AggregateError) one.errors.forEach(visit);
  };
  visit(error);
  return codes;
}

/** The VMM of a running MicroVM ended. A panic's line is the guest's own and safe to show to its owner. */
export function failureOfExit(exit: VmExit): Failure {
  if (exit.cause === 'memory') return { kind: 'out-of-memory', reason: reasons.outOfMemory };
  if (exit.cause === 'vmm') return { kind: 'vmm-killed', reason: reasons.vmmExited };
  const panic = /Kernel panic - not syncing: [\x20-\x7e]{1,200}/.exec(exit.detail)?.[0];
  return { kind: 'guest-panic', reason: panic === undefined ? reasons.guestEnded : `${reasons.guestEnded} ${panic}` };
}
