/** Reads who claims to have signed a request, from the Authorization header or a presigned URL's query. */
import { AuthFailure } from './failure.js';
import { scopeText, type Scope } from './key.js';
import { firstValues, type RequestHead } from './request-head.js';

export interface Claim extends Scope {
  readonly accessKeyId: string;
  /** Lower-case names, sorted, as the client listed them. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** ISO 8601 basic: `20260101T000000Z`. */
  readonly timestamp: string;
  readonly securityToken?: string | undefined;
  /** A presigned URL: valid that many seconds from `timestamp`. */
  readonly expiresInSeconds?: number | undefined;
}

const algorithm = 'AWS4-HMAC-SHA256';
/** Seven days, the most S3 allows. Unknown: presigned-lambda */
const maxExpiresSeconds = 604_800;

/** undefined: the request is unsigned. Throws AuthFailure malformed. */
export function readClaim(head: RequestHead): Claim | undefined {
  const authorization = head.headers.get('authorization');
  if (authorization !== undefined) return fromHeader(authorization, head);
  const query = firstValues(head.query);
  return query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature') ? fromQuery(query) : undefined;
}

function fromHeader(authorization: string, head: RequestHead): Claim {
  if (!authorization.startsWith(`${algorithm} `)) {
    throw new AuthFailure('malformed', `Unsupported authorization type: sign with ${algorithm}.`);
  }
  const parts = new Map<string, string>();
  for (const part of authorization.slice(algorithm.length + 1).split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !parts.get(name));
  const timestamp = head.headers.get('x-amz-date');
  const complaints = missing.map((name) => `Authorization header requires '${name}' parameter.`);
  if (timestamp === undefined) complaints.push("Authorization header requires existence of an 'X-Amz-Date' header.");
  if (complaints.length > 0) throw new AuthFailure('malformed', complaints.join(' '));
  return claim({
    credential: parts.get('Credential') ?? '',
    signature: parts.get('Signature') ?? '',
    signedHeaders: parts.get('SignedHeaders') ?? '',
    timestamp: timestamp ?? '',
    securityToken: head.headers.get('x-amz-security-token'),
  });
}

function fromQuery(query: ReadonlyMap<string, string>): Claim {
  const names = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-Date', 'X-Amz-SignedHeaders', 'X-Amz-Expires'];
  if (names.some((name) => !query.get(name))) {
    throw new AuthFailure('malformed', `Query-string authentication version 4 requires the ${names.join(', ')} parameters.`);
  }
  if (query.get('X-Amz-Algorithm') !== algorithm) {
    throw new AuthFailure('malformed', `X-Amz-Algorithm only supports "${algorithm}".`);
  }
  const expires = query.get('X-Amz-Expires') ?? '';
  if (!/^\d{1,7}$/.test(expires) || Number(expires) < 1 || Number(expires) > maxExpiresSeconds) {
    throw new AuthFailure('malformed', `X-Amz-Expires must be a number of seconds from 1 to ${maxExpiresSeconds}.`);
  }
  return {
    ...claim({
      credential: query.get('X-Amz-Credential') ?? '',
      signature: query.get('X-Amz-Signature') ?? '',
      signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
      timestamp: query.get('X-Amz-Date') ?? '',
      securityToken: query.get('X-Amz-Security-Token'),
    }),
    expiresInSeconds: Number(expires),
  };
}

function claim(parts: Record<'credential' | 'signature' | 'signedHeaders' | 'timestamp', string> & { securityToken: string | undefined }): Claim {
  // From the right: nothing but the key id could ever hold a slash.
  const [terminator, service, region, date, ...rest] = parts.credential.split('/').reverse();
  const accessKeyId = rest.reverse().join('/');
  if (terminator !== 'aws4_request' || !service || !region || !date || accessKeyId === '') {
    throw new AuthFailure('malformed', 'Credential must have the form <access key>/<date>/<region>/<service>/aws4_request.');
  }
  if (!/^\d{8}T\d{6}Z$/.test(parts.timestamp)) {
    throw new AuthFailure('malformed', 'Date must be in ISO-8601 basic format, like 20260101T000000Z.');
  }
  const scope = { date, region, service };
  if (!parts.timestamp.startsWith(date)) {
    throw new AuthFailure('wrong-scope', `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scopeText(scope)}' against '${parts.timestamp}'.`);
  }
  const signedHeaders = parts.signedHeaders.toLowerCase().split(';');
  if (!signedHeaders.includes('host')) throw new AuthFailure('header-not-signed', "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  return { ...scope, accessKeyId, signedHeaders, signature: parts.signature, timestamp: parts.timestamp, securityToken: parts.securityToken };
}
