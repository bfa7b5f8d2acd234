/** One byte range of a Range header (RFC 9110 §14.1.2). */
import { S3Error } from '../contracts.js';

export interface ByteRange {
  readonly start: number;
  readonly end: number; // inclusive
}

/** undefined: send the whole object, also for several ranges or a header that is none. Throws S3Error InvalidRange. */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  const range = first === '' ? suffix(Number(last), size) : { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (range.start >= size || range.end < range.start) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', { RangeRequested: header ?? '', ActualObjectSize: String(size) });
  }
  return range;
}

function suffix(length: number, size: number): ByteRange {
  return { start: length === 0 ? size : Math.max(0, size - length), end: size - 1 };
}
