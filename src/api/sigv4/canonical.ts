/**
 * The canonical request and string to sign of Signature Version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash } from 'node:crypto';
import { percentDecode, type RequestHead } from './request-head.js';

/** S3 signs the path encoded once and unnormalised; every other service encodes the sent path again. */
export type PathStyle = 's3' | 'generic';

export function canonicalRequest(head: RequestHead, signedHeaders: readonly string[], payloadHash: string, style: PathStyle): string {
  const headerLines = signedHeaders.map((name) => `${name}:${canonicalValue(head.headers.get(name) ?? '')}\n`).join('');
  return [
    head.method,
    style === 's3' ? s3Path(head.rawPath) : genericPath(head.rawPath),
    canonicalQuery(head.query),
    headerLines,
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n');
}

const sha256OfNothing = createHash('sha256').digest('hex');

export function sha256(data: string | Buffer): string {
  if (data.length === 0) return sha256OfNothing;
  return createHash('sha256').update(data).digest('hex');
}

const unreserved = /^[A-Za-z0-9_.~-]*$/;

/** RFC 3986: everything but unreserved characters, upper-case hex. */
export function uriEncode(text: string): string {
  if (unreserved.test(text)) return text;
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function canonicalValue(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes('  ') ? trimmed.replace(/ {2,}/g, ' ') : trimmed;
}

function canonicalQuery(query: RequestHead['query']): string {
  return query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** By code unit: the encoded text is ASCII, so this is byte order, which `localeCompare` is not. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function s3Path(rawPath: string): string {
  return rawPath.split('/').map((segment) => uriEncode(percentDecode(segment))).join('/');
}

function genericPath(rawPath: string): string {
  const segments: string[] = [];
  for (const segment of rawPath.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(uriEncode(segment));
  }
  const trailing = rawPath.endsWith('/') && segments.length > 0 ? '/' : '';
  return `/${segments.join('/')}${trailing}`;
}
