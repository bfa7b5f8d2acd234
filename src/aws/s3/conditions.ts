/** Conditional requests: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since (RFC 9110 §13). */
import { S3Error, type S3Request } from '../contracts.js';
import type { ObjectMeta } from './bucket.js';

type Headers = S3Request['headers'];

/** 'not-modified' asks for a 304. Throws S3Error PreconditionFailed. */
export function readCondition(headers: Headers, meta: ObjectMeta): 'send' | 'not-modified' {
  const match = headers.get('if-match');
  const unmodified = dateOf(headers.get('if-unmodified-since'));
  if (match !== undefined) {
    if (!lists(match, meta.etag)) throw failed('If-Match');
  } else if (unmodified !== undefined && wholeSeconds(meta.lastModified) > unmodified) {
    throw failed('If-Unmodified-Since');
  }
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== undefined) return lists(noneMatch, meta.etag) ? 'not-modified' : 'send';
  const modified = dateOf(headers.get('if-modified-since'));
  return modified !== undefined && wholeSeconds(meta.lastModified) <= modified ? 'not-modified' : 'send';
}

/** For writes: `before` is the object to be replaced. Throws S3Error PreconditionFailed. */
export function checkWrite(headers: Headers, before: ObjectMeta | undefined): void {
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== undefined && before && lists(noneMatch, before.etag)) throw failed('If-None-Match');
  const match = headers.get('if-match');
  if (match !== undefined && !(before && lists(match, before.etag))) throw failed('If-Match');
}

function lists(header: string, etag: string): boolean {
  return header.split(',').map((entry) => entry.trim().replace(/^W\//, '').replace(/^"|"$/g, '')).some((entry) => entry === '*' || entry === etag);
}

/** HTTP dates have whole seconds: without this a client's own copy would always look old. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function dateOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition: condition });
}
