/** Log events of a group, page by page and as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, callLogs, type RemoteAccess } from '../../daemon/remote.js';

export interface LogEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  /** ms since 1970, as in all of CloudWatch Logs. */
  readonly timestamp: number;
  readonly message: string;
}

export interface LogQuery {
  readonly group: string;
  readonly streams?: readonly string[] | undefined;
  readonly streamPrefix?: string | undefined;
  /** ms since 1970 */
  readonly since?: number | undefined;
}

/** An event may be written a little later than its time says. */
const LATE_MS = 5_000;

export class LogReader {
  #since: number | undefined;
  /** Seen with times that are asked for again; by id. */
  readonly #seen = new Map<string, number>();

  constructor(
    private readonly access: RemoteAccess,
    private readonly query: LogQuery,
  ) {
    this.#since = query.since;
  }

  /** Events that were not answered before, by time. undefined: there is no such group or stream (yet). */
  async next(signal?: AbortSignal): Promise<readonly LogEvent[] | undefined> {
    const { group, streams, streamPrefix } = this.query;
    const found: LogEvent[] = [];
    for (let token: string | undefined; ; ) {
      const input = { logGroupName: group, logStreamNames: streams, logStreamNamePrefix: streamPrefix, startTime: this.#since, nextToken: token };
      const page = await this.#page(input, signal);
      if (page === undefined) return undefined;
      for (const event of page.events ?? []) if (!this.#seen.has(event.eventId)) found.push(event);
      token = page.nextToken ?? undefined;
      if (token === undefined) break;
    }
    for (const { eventId, timestamp } of found) {
      this.#seen.set(eventId, timestamp);
      this.#since = Math.max(this.#since ?? 0, timestamp - LATE_MS);
    }
    for (const [id, time] of this.#seen) if (time < (this.#since ?? 0)) this.#seen.delete(id);
    return found;
  }

  async #page(input: object, signal: AbortSignal | undefined): Promise<{ readonly events?: readonly LogEvent[]; readonly nextToken?: string | null } | undefined> {
    try {
      return (await callLogs(this.access, 'FilterLogEvents', input, signal)) as { events?: readonly LogEvent[]; nextToken?: string | null };
    } catch (error) {
      if (error instanceof ApiError && error.type === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }
}

const POLL_MS = 500;

/** Batches until `signal` says so; waits for a group that is not there yet. */
export async function* follow(reader: LogReader, signal: AbortSignal): AsyncGenerator<readonly LogEvent[]> {
  while (!signal.aborted) {
    const events = await reader.next(signal).catch((error: unknown) => {
      if (signal.aborted) return [];
      throw error;
    });
    if (events !== undefined && events.length > 0) yield events;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined); // the loop's condition ends it
  }
}
