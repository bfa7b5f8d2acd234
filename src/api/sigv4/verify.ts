/** Checks a claim: key, scope, clock, headers, signature. In that order, which is AWS's as far as can be observed. */
import { canonicalRequest, stringToSign, type PathStyle } from './canonical.js';
import type { Claim } from './claim.js';
import { AuthFailure } from './failure.js';
import type { AccessKey, FindKey } from '../../keys/key-ring.js';
import { cachedSigningKey, sameSignature, scopeText, sign } from './key.js';
import type { RequestHead } from './request-head.js';

export interface VerifyOptions {
  readonly findKey: FindKey;
  readonly region: string;
  /** ms since 1970 */
  readonly now: number;
  readonly style: PathStyle;
  /** How far the client's clock may be off, either way. */
  readonly maxSkewMs: number;
}

/** A claim whose key, scope and time are good; its signature is not checked yet. */
export interface Candidate {
  readonly claim: Claim;
  readonly key: AccessKey;
  readonly signingKey: Buffer;
}

/** Everything that can be checked before the body is read. Throws AuthFailure. */
export function precheck(claim: Claim, head: RequestHead, options: VerifyOptions): Candidate {
  const key = options.findKey(claim.accessKeyId, claim.securityToken);
  if (key === undefined) throw new AuthFailure('unknown-key', 'the access key is not one of this server');
  checkSessionToken(claim, key);
  if (key.expiresAt !== undefined && options.now >= key.expiresAt) throw new AuthFailure('session-expired', 'The security token included in the request is expired');
  if (claim.region !== options.region) {
    throw new AuthFailure('wrong-scope', `Credential should be scoped to a valid region: the request is signed for '${claim.region}', this server is '${options.region}'.`);
  }
  checkClock(claim, options);
  checkHeaders(claim, head);
  return { claim, key, signingKey: cachedSigningKey(key, claim) };
}

/** `payloadHash` is the hex SHA-256 of the body or one of S3's markers. Throws AuthFailure mismatch. */
export function checkSignature(candidate: Candidate, head: RequestHead, payloadHash: string, style: PathStyle): void {
  const { claim } = candidate;
  const canonical = canonicalRequest(head, claim.signedHeaders, payloadHash, style);
  const expected = sign(candidate.signingKey, stringToSign(claim.timestamp, scopeText(claim), canonical));
  if (!sameSignature(expected, claim.signature)) {
    throw new AuthFailure('mismatch', 'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.');
  }
}

/** That the header is among those signed is checked with all other `x-amz-*`; in a presigned URL the whole query is signed. */
function checkSessionToken(claim: Claim, key: AccessKey): void {
  if (sameSignature(key.sessionToken ?? '', claim.securityToken ?? '')) return;
  throw new AuthFailure('session-token', key.sessionToken === undefined ? 'the key has no session token, the request has one' : 'the request does not carry the session token of its key');
}

function checkClock(claim: Claim, { now, maxSkewMs }: VerifyOptions): void {
  const signedAt = parseTimestamp(claim.timestamp);
  const minutes = maxSkewMs / 60_000;
  if (signedAt > now + maxSkewMs) {
    throw new AuthFailure('skewed', `Signature not yet current: ${claim.timestamp} is still later than ${formatTimestamp(now + maxSkewMs)} (${formatTimestamp(now)} + ${minutes} min.)`);
  }
  if (claim.expiresInSeconds !== undefined) {
    if (now > signedAt + claim.expiresInSeconds * 1000) throw new AuthFailure('expired', 'Request has expired');
    return;
  }
  if (signedAt < now - maxSkewMs) {
    throw new AuthFailure('skewed', `Signature expired: ${claim.timestamp} is now earlier than ${formatTimestamp(now - maxSkewMs)} (${formatTimestamp(now)} - ${minutes} min.)`);
  }
}

/** An unsigned `x-amz-*` header would let whoever carries the request change its meaning. */
function checkHeaders(claim: Claim, head: RequestHead): void {
  for (const name of head.headers.keys()) {
    if (!name.startsWith('x-amz-') || claim.signedHeaders.includes(name)) continue;
    const exempt = claim.expiresInSeconds !== undefined && name === 'x-amz-content-sha256';
    if (!exempt) {
      throw new AuthFailure('header-not-signed', `There were headers present in the request which were not signed: ${name}`);
    }
  }
}

/** `text` has the form already (claim.ts); its numbers may still be no date. */
function parseTimestamp(text: string): number {
  const ms = Date.parse(`${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 11)}:${text.slice(11, 13)}:${text.slice(13)}`);
  if (Number.isNaN(ms)) throw new AuthFailure('malformed', `'${text}' is no date.`);
  return ms;
}

function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}
