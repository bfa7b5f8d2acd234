/**
 * What is left over and of no use to anyone. Each layer knows what of its own that is, and offers it as a
 * {@link GarbageSource}; nothing that lives, or may come to life while it is looked for, is ever among it.
 */
import type { Principal } from '../images/contracts.js';

export const GARBAGE_KINDS = ['terminated-records', 'build-cache', 'image-files', 'temporary-files', 'log-events'] as const;
export type GarbageKind = (typeof GARBAGE_KINDS)[number];

export interface Amount {
  readonly count: number;
  /** On disk; 0 for rows of the database, whose room is used again. */
  readonly bytes: number;
}

export interface Garbage extends Amount {
  readonly kind: GarbageKind;
  /** Looks again first, and removes what is garbage still. Answers what it removed. */
  remove(): Promise<Amount>;
}

/** Of one account, or of the whole host with what is no account's. */
export type GarbageSource = (accountId: string | undefined) => Promise<readonly Garbage[]>;

export interface GarbageReport {
  readonly dryRun: boolean;
  /** What was removed, or would be; kinds of which there is nothing are left out. */
  readonly removed: readonly (Amount & { readonly kind: GarbageKind })[];
  readonly bytes: number;
  /** Pieces that could not be looked for or removed; the server's log says why. */
  readonly failures: number;
}

export interface GarbageCollector {
  /** Of the caller's account; a caller of the operator's own account collects on the whole host. */
  collect(who: Pick<Principal, 'accountId'>, dryRun: boolean): Promise<GarbageReport>;
}

export const NOTHING: Amount = { count: 0, bytes: 0 };
