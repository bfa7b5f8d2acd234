import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { Attributes, FinishedSpan } from './contracts.js';
import { encodeSpans } from './otlp.js';

const EVERY_MS = 2_000;
const BATCH = 512;
/** Spans that wait; more are dropped: what is traced must not feel that nobody takes it. */
export const MAX_WAITING = 4096;
/** ms for one export, and at the end of the daemon for all that is left. */
const EXPORT_MS = 10_000;
const LAST_MS = 2_000;

export interface ExporterDeps {
  /** http(s) URL of the collector, without `/v1/traces`. */
  readonly endpoint: string;
  readonly resource: Attributes;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export interface Exporter {
  /** Never waits, never throws. */
  add(span: FinishedSpan): void;
  close(): Promise<void>;
}

/** Sends spans in batches, one at a time. A batch that the collector does not take is dropped: it would be stale, and the next one is waiting. */
export function createExporter({ endpoint, resource, clock, logger }: ExporterDeps): Exporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  let waiting: FinishedSpan[] = [];
  let dropped = 0;
  let away = false;
  let sending: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let closed = false;

  async function post(spans: readonly FinishedSpan[], ms: number): Promise<string | undefined> {
    try {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: encodeSpans(spans, resource), redirect: 'manual', signal: AbortSignal.timeout(ms) });
      await response.body?.cancel();
      return response.ok ? undefined : `it answered HTTP ${response.status}`;
    } catch (error) {
      return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    }
  }

  async function send(ms: number): Promise<void> {
    const batch = waiting.splice(0, BATCH);
    const failure = await post(batch, ms);
    if (failure === undefined) {
      if (away) logger.info({ collector: url, dropped }, 'the collector takes spans again');
      away = false;
      dropped = 0;
      return;
    }
    dropped += batch.length;
    // Once for all failures in a row.
    if (!away) logger.warn({ collector: url, error: failure }, 'the collector does not take spans: they are dropped');
    away = true;
  }

  function schedule(): void {
    if (closed || cancel !== undefined || sending !== undefined) return;
    cancel = clock.after(waiting.length >= BATCH ? 0 : EVERY_MS, () => {
      cancel = undefined;
      sending = send(EXPORT_MS).finally(() => {
        sending = undefined;
        if (waiting.length > 0) schedule();
      });
    });
  }

  return {
    add(span) {
      if (closed) return;
      if (waiting.length >= MAX_WAITING) {
        dropped++;
        return;
      }
      waiting.push(span);
      schedule();
    },
    async close() {
      closed = true;
      cancel?.();
      await sending;
      const until = Date.now() + LAST_MS;
      while (waiting.length > 0 && !away && Date.now() < until) await send(Math.max(1, until - Date.now()));
      waiting = [];
    },
  };
}
