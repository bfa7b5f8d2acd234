/** How much an account may ask for: requests per second, images, memory. Defaults are AWS's (spec §10, §15). */

import type { TokenRate } from '../clock/token-bucket.js';

/** Of requests. */
export type Rate = TokenRate;

/** null: no limit. */
export interface Limits {
  /** By operation; `null` for one that is not limited. */
  readonly rates: Readonly<Record<string, Rate | null>>;
  /** Of the operations not named in `rates`: those that only read, and the others. */
  readonly readRate: Rate | null;
  readonly writeRate: Rate | null;
  /** Per account. */
  readonly images: number | null;
  readonly versionsPerImage: number | null;
  /** Builds under way; more wait their turn. */
  readonly concurrentBuilds: number | null;
  /** Baseline memory of an account's MicroVMs that are not ending, MiB. */
  readonly memoryMiB: number | null;
  /** What must stay available on the host beside a new MicroVM's baseline, MiB. null: not looked at. */
  readonly hostMarginMiB: number | null;
}

export interface Throttle {
  /** Takes one request of the account's share. Throws ThrottledError when there is none. */
  take(accountId: string, operation: string): void;
}

/** Asked right before a record is made, in the same turn of the loop, so that two requests cannot share the last place. */
export interface AccountQuotas {
  /** Throws QuotaExceededError. */
  admitImage(accountId: string): void;
  /** Throws QuotaExceededError. */
  admitVersion(imageArn: string): void;
  /** Throws QuotaExceededError; InsufficientCapacityError when the host, not the account, is full. */
  admitMicrovm(accountId: string, memoryMiB: number): void;
}
