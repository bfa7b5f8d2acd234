/** Signs a request to another service that speaks Signature Version 4, with the same code that checks ours. */
import { canonicalRequest, stringToSign } from './canonical.js';
import { scopeText, sign, signingKey } from './key.js';
import { parseQuery } from './request-head.js';

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface UnsignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
}

/** The headers to send, the signature included. `now`: ms since 1970. */
export function signRequest(request: UnsignedRequest, key: SigningKey, { region, service }: { readonly region: string; readonly service: string }, now: number): Record<string, string> {
  const timestamp = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    'x-amz-date': timestamp,
    'x-amz-content-sha256': request.payloadHash,
    ...(key.sessionToken === undefined ? {} : { 'x-amz-security-token': key.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const head = { method: request.method, rawPath: request.url.pathname, query: parseQuery(request.url.search.slice(1)), headers: new Map(Object.entries(headers)) };
  const scope = { date: timestamp.slice(0, 8), region, service };
  const canonical = canonicalRequest(head, names, request.payloadHash, service === 's3' ? 's3' : 'generic');
  const signature = sign(signingKey(key.secretAccessKey, scope), stringToSign(timestamp, scopeText(scope), canonical));
  return { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}` };
}
