/** Token buckets per account and operation. */
import { ThrottledError } from '../errors/index.js';
import type { Limits, Rate, Throttle } from './contracts.js';
import { quotaCodes } from './defaults.js';

interface Bucket {
  tokens: number;
  /** ms, when `tokens` was right */
  at: number;
}

/** `now`: monotonic ms, so that a corrected wall clock neither opens nor shuts a bucket. */
export function createThrottle(limits: Limits, now: () => number = () => performance.now()): Throttle {
  // Bounded: accounts and operations are those the server knows.
  const buckets = new Map<string, Map<string, Bucket>>();
  return {
    take(accountId, operation) {
      const rate = rateOf(limits, operation);
      if (rate === null) return;
      const bucket = bucketOf(buckets, accountId, operation, rate, now());
      const missing = takeOne(bucket, rate, now());
      if (missing > 0) throw new ThrottledError('Rate exceeded', Math.max(1, Math.ceil(missing / rate.perSecond)), quotaCodes[operation]);
    },
  };
}

function rateOf(limits: Limits, operation: string): Rate | null {
  const own = limits.rates[operation];
  if (own !== undefined) return own;
  return /^(Get|List)/.test(operation) ? limits.readRate : limits.writeRate;
}

function bucketOf(buckets: Map<string, Map<string, Bucket>>, accountId: string, operation: string, rate: Rate, at: number): Bucket {
  let ofAccount = buckets.get(accountId);
  if (ofAccount === undefined) buckets.set(accountId, (ofAccount = new Map<string, Bucket>()));
  let bucket = ofAccount.get(operation);
  if (bucket === undefined) ofAccount.set(operation, (bucket = { tokens: rate.burst, at }));
  return bucket;
}

/** Takes a token; when there is none, takes nothing and answers what is missing of one. */
function takeOne(bucket: Bucket, rate: Rate, at: number): number {
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((at - bucket.at) / 1000) * rate.perSecond);
  bucket.at = at;
  if (bucket.tokens < 1) return 1 - bucket.tokens;
  bucket.tokens -= 1;
  return 0;
}
