/** Who signs in: an access key and its secret, compared in constant time, at a rate that makes guessing hopeless. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { TokenBucket } from '../clock/token-bucket.js';
import { LruMap } from '../collections/lru-map.js';
import type { AccessKey, FindKey } from '../keys/key-ring.js';

const text = (max: number) => z.string().trim().min(1).max(max);

export const credentialsShape = z.object({
  accessKeyId: text(128),
  secretAccessKey: text(256),
  // A longer one would not fit into the session's cookie.
  sessionToken: z.string().trim().max(2048).optional(),
});

/** Attempts of one address: so many at once, then one every few seconds. */
const PER_ADDRESS = { burst: 10, perSecond: 1 / 6 };
/** Of all addresses together, as one attacker may have many. */
const OVERALL = { burst: 100, perSecond: 5 };
const ADDRESSES_REMEMBERED = 4096;

export type LoginOutcome =
  | { readonly kind: 'key'; readonly key: AccessKey }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many'; readonly retryAfterSeconds: number };

export interface Login {
  attempt(credentials: z.infer<typeof credentialsShape>, address: string): LoginOutcome;
}

/** `steady`: ms of a clock nobody sets; `now`: ms since 1970. */
export function createLogin({ findKey, now, steady = () => performance.now() }: { findKey: FindKey; now: () => number; steady?: () => number }): Login {
  const comparing = randomBytes(32);
  const digest = (secret: string): Buffer => createHmac('sha256', comparing).update(secret).digest();
  const overall = new TokenBucket(OVERALL, steady());
  const byAddress = new LruMap<string, TokenBucket>(ADDRESSES_REMEMBERED);

  const bucketOf = (address: string): TokenBucket => {
    const known = byAddress.get(address);
    if (known !== undefined) return known;
    const made = new TokenBucket(PER_ADDRESS, steady());
    byAddress.set(address, made);
    return made;
  };

  return {
    attempt({ accessKeyId, secretAccessKey, sessionToken }, address) {
      const at = steady();
      const network = networkOf(address);
      const missing = [{ bucket: bucketOf(network), rate: PER_ADDRESS }, { bucket: overall, rate: OVERALL }].map(({ bucket, rate }) => bucket.take(at) / rate.perSecond);
      const wait = Math.max(...missing);
      if (wait > 0) return { kind: 'too-many', retryAfterSeconds: Math.ceil(wait) };
      const key = findKey(accessKeyId, sessionToken === '' ? undefined : sessionToken);
      // The same work for a key that is not there, so that the time taken does not tell which ids are.
      const right = timingSafeEqual(digest(key?.secretAccessKey ?? ''), digest(secretAccessKey));
      const rightToken = timingSafeEqual(digest(key?.sessionToken ?? ''), digest(sessionToken ?? ''));
      if (key === undefined || !right || !rightToken || now() >= (key.expiresAt ?? Infinity)) return { kind: 'wrong' };
      // Whoever has a key is no guesser, and may share an address with others behind a proxy.
      byAddress.delete(network);
      return { kind: 'key', key };
    },
  };
}

/** Of an IPv6 address the /64, as its owner has all of it. */
function networkOf(address: string): string {
  return address.includes(':') ? address.split(':', 4).join(':') : address;
}
