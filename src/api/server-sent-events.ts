/** An answer that goes on: server-sent events (HTML standard, §9.2), at the pace of whoever reads them. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  /** One line. */
  readonly data: string;
}

/** What an operation resolves to instead of members. */
export class ServerSentEvents {
  /** 'quiet': nothing came for a while. Ends by itself or when the signal aborts, then with its reason. */
  constructor(
    readonly events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent | 'quiet'>,
    /** Called when nobody reads any more. */
    readonly close: () => void,
  ) {}
}

/** ms a client has to take what was written to it before it is cut off: it comes again, with Last-Event-ID. */
const STALLED_MS = 30_000;

export interface SendOptions {
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  /** Asked whenever it is quiet, and every so many events: may the caller still read them? */
  readonly allowed: () => boolean;
  readonly stalledMs?: number;
}

const RECHECK_EVENTS = 100;

/** Resolves when the stream is over, whoever ended it. */
export async function sendServerSentEvents(response: ServerResponse, answer: ServerSentEvents, { closing, allowed, stalledMs = STALLED_MS }: SendOptions): Promise<void> {
  const gone = new AbortController();
  const left = (): void => gone.abort();
  response.once('close', left);
  const signal = AbortSignal.any([closing, gone.signal]);
  try {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    response.flushHeaders();
    let sent = 0;
    for await (const item of answer.events(signal)) {
      if ((item === 'quiet' || ++sent % RECHECK_EVENTS === 0) && !allowed()) break;
      const text = item === 'quiet' ? ': keep-alive\n\n' : `id: ${item.id}\nevent: ${item.event}\ndata: ${item.data}\n\n`;
      if (!response.write(text)) await drained(response, signal, stalledMs);
    }
    response.end();
  } catch (error) {
    if (closing.aborted && !response.destroyed) response.end();
    else if (gone.signal.aborted || error instanceof StalledError) response.destroy();
    else throw error;
  } finally {
    response.off('close', left);
    answer.close();
  }
}

class StalledError extends Error {}

async function drained(response: ServerResponse, signal: AbortSignal, stalledMs: number): Promise<void> {
  const late = AbortSignal.timeout(stalledMs);
  try {
    await once(response, 'drain', { signal: AbortSignal.any([signal, late]) });
  } catch (error) {
    if (late.aborted && !signal.aborted) throw new StalledError('the client takes nothing', { cause: error });
    throw error;
  }
}
