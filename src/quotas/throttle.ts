/** Token buckets per account and operation. */
import { TokenBucket } from '../clock/token-bucket.js';
import { ThrottledError } from '../errors/index.js';
import type { Limits, Rate, Throttle } from './contracts.js';
import { quotaCodes } from './defaults.js';

/** `now`: monotonic ms, so that a corrected wall clock neither opens nor shuts a bucket. */
export function createThrottle(limits: Limits, now: () => number = () => performance.now()): Throttle {
  // Bounded: accounts and operations are those the server knows.
  const buckets = new Map<string, Map<string, TokenBucket>>();
  return {
    take(accountId, operation) {
      const rate = rateOf(limits, operation);
      if (rate === null) return;
      const at = now();
      const missing = bucketOf(buckets, accountId, operation, rate, at).take(at);
      if (missing > 0) throw new ThrottledError('Rate exceeded', Math.max(1, Math.ceil(missing / rate.perSecond)), quotaCodes[operation]);
    },
  };
}

function rateOf(limits: Limits, operation: string): Rate | null {
  const own = limits.rates[operation];
  if (own !== undefined) return own;
  return /^(Get|List)/.test(operation) ? limits.readRate : limits.writeRate;
}

function bucketOf(buckets: Map<string, Map<string, TokenBucket>>, accountId: string, operation: string, rate: Rate, at: number): TokenBucket {
  let ofAccount = buckets.get(accountId);
  if (ofAccount === undefined) buckets.set(accountId, (ofAccount = new Map<string, TokenBucket>()));
  let bucket = ofAccount.get(operation);
  if (bucket === undefined) ofAccount.set(operation, (bucket = new TokenBucket(rate, at)));
  return bucket;
}
