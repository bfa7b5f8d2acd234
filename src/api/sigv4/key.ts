/** The signing key: the secret bound to one day, region and service. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface Scope {
  readonly date: string; // YYYYMMDD
  readonly region: string;
  readonly service: string;
}

export function scopeText(scope: Scope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

export function signingKey(secretAccessKey: string, scope: Scope): Buffer {
  return [scope.date, scope.region, scope.service, 'aws4_request'].reduce(
    (key: Buffer, part) => hmac(key, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

/** More than a client has in use: two days around midnight, of two services. */
const maxCached = 8;
/** By the key's object, not its id: a key read anew, perhaps with another secret, starts afresh. */
const cached = new WeakMap<object, Map<string, Buffer>>();

/** As {@link signingKey}; one key signs many requests of one scope, and deriving costs four HMACs. */
export function cachedSigningKey(key: { readonly secretAccessKey: string }, scope: Scope): Buffer {
  let ofKey = cached.get(key);
  if (ofKey === undefined) cached.set(key, (ofKey = new Map<string, Buffer>()));
  const text = scopeText(scope);
  let derived = ofKey.get(text);
  if (derived === undefined) {
    derived = signingKey(key.secretAccessKey, scope);
    if (ofKey.size >= maxCached) ofKey.clear();
    ofKey.set(text, derived);
  }
  return derived;
}

export function sign(key: Buffer, text: string): string {
  return hmac(key, text).toString('hex');
}

/** Constant-time, so that answers' timing does not tell how many leading digits of a guess were right. */
export function sameSignature(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
