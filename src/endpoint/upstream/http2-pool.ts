/** HTTP/2 connections to applications: shared by the requests of a key, opened one at a time, ended when idle. */
import type { Duplex } from 'node:stream';
import { Http2Upstream } from './http2-session.js';

const IDLE_MS = 10_000;
const SWEEP_MS = 1000;

export class Http2Pool {
  readonly #sessions = new Map<string, Http2Upstream[]>();
  readonly #all = new Set<Http2Upstream>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();

  /** One that takes another request. */
  take(key: string): Http2Upstream | undefined {
    return this.#sessions.get(key)?.find((session) => session.hasRoom);
  }

  adopt(key: string, stream: Duplex, scheme: 'http' | 'https'): Http2Upstream {
    const session = new Http2Upstream(stream, scheme, (gone) => this.#forget(key, gone));
    const list = this.#sessions.get(key);
    if (list === undefined) this.#sessions.set(key, [session]);
    else list.push(session);
    this.#all.add(session);
    stream.once('close', () => this.#all.delete(session));
    return session;
  }

  /** Ends the connections of a key. */
  drop(key: string): void {
    for (const session of [...(this.#sessions.get(key) ?? [])]) session.destroy();
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const session of [...this.#all]) session.destroy();
  }

  #forget(key: string, session: Http2Upstream): void {
    const list = this.#sessions.get(key);
    const at = list?.indexOf(session) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#sessions.delete(key);
  }

  #sweep(): void {
    const oldest = performance.now() - IDLE_MS;
    for (const session of [...this.#all]) if (session.isIdle && session.idleSince <= oldest) session.destroy();
  }
}
