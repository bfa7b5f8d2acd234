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
