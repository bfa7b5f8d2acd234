/** Reads records from any place in a stream, forward or backward, a chunk at a time. */
import { decodeRecord, type LogRecord } from './record.js';
import type { StreamView } from './segments.js';

export interface Line extends LogRecord {
  readonly offset: number;
  /** Offset of the record behind it. */
  readonly next: number;
}

/** Bytes read at once; more when a record is longer. */
const CHUNK = 64 * 1024;
const LF = 0x0a;

/** Ascending, in batches. An offset inside a record stands for the record behind it. */
export async function* linesFrom(view: StreamView, from: number): AsyncGenerator<Line[]> {
  let at = Math.max(from, view.start);
  let cut = at > view.start && (view.at(at - 1) === view.at(at) || at === view.end) && (await view.read(at - 1, 1))[0] !== LF;
  let size = CHUNK;
  while (at < view.end) {
    const bytes = await view.read(at, size);
    if (bytes.length === 0) return;
    const last = bytes.lastIndexOf(LF);
    if (last < 0 && bytes.length === size) {
      size *= 2;
      continue;
    }
    // Without a line's end the rest of the segment is a record that a crash or a write under way left unfinished.
    const end = last < 0 ? bytes.length : last + 1;
    const skip = cut ? bytes.indexOf(LF) + 1 : 0;
    yield parse(bytes.subarray(skip, end), at + skip);
    cut = false;
    at += end;
    size = CHUNK;
  }
}

/** Descending, in batches of descending records, all of which end at or before `to`. */
export async function* linesBefore(view: StreamView, to: number): AsyncGenerator<Line[]> {
  let end = Math.min(to, view.end);
  let size = CHUNK;
  while (end > view.start) {
    const base = view.at(end - 1)?.base ?? view.start;
    const from = Math.max(base, end - size);
    const bytes = await view.read(from, end - from);
    if (bytes.length === 0) return;
    // Up to the first line's end the bytes belong to a record that begins before them.
    const skip = from === base ? 0 : bytes.indexOf(LF) + 1;
    if (from > base && (skip === 0 || skip === bytes.length)) {
      size *= 2;
      continue;
    }
    yield parse(bytes.subarray(skip, bytes.lastIndexOf(LF) + 1), from + skip).reverse();
    end = from + skip;
    size = CHUNK;
  }
}

/** Offset of the first record with `order` or a later one; the end when there is none. Reads O(log size). */
export async function seekOrder(view: StreamView, order: number): Promise<number> {
  let low = view.start; // every record that begins before it is earlier
  let high = view.end; // no record that begins at or behind it is earlier
  while (high - low > CHUNK) {
    const middle = Math.floor((low + high) / 2);
    const line = await firstFrom(view, middle);
    if (line !== undefined && line.offset < high && line.order < order) low = line.next;
    else high = middle;
  }
  for await (const batch of linesFrom(view, low)) {
    const found = batch.find((line) => line.order >= order);
    if (found !== undefined) return found.offset;
  }
  return view.end;
}

export async function firstFrom(view: StreamView, from: number): Promise<Line | undefined> {
  for await (const [line] of linesFrom(view, from)) if (line !== undefined) return line;
  return undefined;
}

export async function lastLine(view: StreamView): Promise<Line | undefined> {
  for await (const [line] of linesBefore(view, view.end)) if (line !== undefined) return line;
  return undefined;
}

function parse(bytes: Buffer, base: number): Line[] {
  const lines: Line[] = [];
  for (let at = 0, end = bytes.indexOf(LF); end >= 0; at = end + 1, end = bytes.indexOf(LF, at)) {
    const record = decodeRecord(bytes.toString('utf8', at, end));
    if (record !== undefined) lines.push({ ...record, offset: base + at, next: base + end + 1 });
  }
  return lines;
}
