/** A page of one stream. */
import { EVENT_OVERHEAD, type LogEvent, type StreamPage, type StreamPageRequest } from './contracts.js';
import { linesBefore, linesFrom, seekOrder, type Line } from './lines.js';
import type { StreamView } from './segments.js';

/** Bytes looked at for one page: a range that matches little is given in several pages, some of them empty. */
export const SCAN_BYTES = 4 * 1024 * 1024;

/** Counts what a page holds and has looked at. */
export class PageBudget {
  #events = 0;
  #bytes = 0;
  #scanned = 0;

  constructor(
    readonly limit: number,
    readonly maxBytes: number,
  ) {}

  /** Is there no room for this line? */
  full(line: Line): boolean {
    return this.#events >= this.limit || this.#scanned >= SCAN_BYTES || (this.#events > 0 && this.#bytes + sizeOf(line) > this.maxBytes);
  }

  scanned(line: Line): void {
    this.#scanned += line.next - line.offset;
  }

  taken(line: Line): void {
    this.#events++;
    this.#bytes += sizeOf(line);
  }
}

export async function streamPage(view: StreamView, request: StreamPageRequest): Promise<StreamPage> {
  const from = await beginning(view, request);
  return request.direction === 'forward' ? forward(view, from, request) : backward(view, from, request);
}

async function beginning(view: StreamView, { from, startTime = 0 }: StreamPageRequest): Promise<number> {
  if (from === 'end') return view.end;
  if (from === 'start') return startTime > 0 ? seekOrder(view, startTime) : view.start;
  return Math.min(Math.max(from, view.start), view.end);
}

async function forward(view: StreamView, from: number, request: StreamPageRequest): Promise<StreamPage> {
  const budget = new PageBudget(request.limit, request.maxBytes);
  const events: LogEvent[] = [];
  let last = from;
  for await (const batch of linesFrom(view, from)) {
    for (const line of batch) {
      if (budget.full(line)) return { events, first: from, last };
      last = line.next;
      budget.scanned(line);
      if (!within(line, request)) continue;
      events.push(eventOf(line));
      budget.taken(line);
    }
  }
  return { events, first: from, last };
}

async function backward(view: StreamView, from: number, request: StreamPageRequest): Promise<StreamPage> {
  const budget = new PageBudget(request.limit, request.maxBytes);
  const events: LogEvent[] = [];
  const page = (first: number): StreamPage => ({ events: events.reverse(), first, last: from });
  let first = from;
  for await (const batch of linesBefore(view, from)) {
    for (const line of batch) {
      // Nothing before a line of an earlier order is in the range.
      if (budget.full(line) || line.order < (request.startTime ?? 0)) return page(first);
      first = line.offset;
      budget.scanned(line);
      if (!within(line, request)) continue;
      events.push(eventOf(line));
      budget.taken(line);
    }
  }
  return page(first);
}

export function within({ time }: Line, range: { readonly startTime?: number | undefined; readonly endTime?: number | undefined }): boolean {
  return time >= (range.startTime ?? 0) && time < (range.endTime ?? Infinity);
}

export function eventOf({ time, ingested, text, offset, order }: Line): LogEvent {
  return { time, ingested, text, offset, order };
}

function sizeOf(line: Line): number {
  return Buffer.byteLength(line.text) + EVENT_OVERHEAD;
}
