/**
 * HTTP/1.1 connections to applications, kept for reuse. One owner for all: {@link Http1Pool.close} ends them.
 *
 * A connection without use is ended a second before the application would (its `Keep-Alive: timeout=`, at most 30 s),
 * so that a request seldom meets one its server just closed; after one second when the application says nothing, which
 * is below the shortest time of common servers (gunicorn 2 s, node 5 s).
 */
import type { Duplex } from 'node:stream';
import { Http1Connection, type ConnectionOwner } from './http1-connection.js';

const IDLE_MS = 1000;
const MAX_IDLE_MS = 30_000;
/** Taken off what the application says. */
const MARGIN_MS = 1000;
const SWEEP_MS = 500;
const MAX_IDLE_PER_KEY = 128;

export class Http1Pool {
  readonly #idle = new Map<string, Http1Connection[]>();
  readonly #all = new Set<Http1Connection>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();

  /** An idle connection, the one used last first. */
  take(key: string): Http1Connection | undefined {
    const list = this.#idle.get(key);
    if (list === undefined) return undefined;
    for (let connection = list.pop(); connection !== undefined; connection = list.pop()) {
      if (!connection.closed) return connection;
    }
    this.#idle.delete(key);
    return undefined;
  }

  /** Makes a new stream's connection one of this pool. */
  adopt(key: string, stream: Duplex): Http1Connection {
    const owner: ConnectionOwner = {
      idle: (connection, idleMs) => this.#keep(key, connection, idleMs),
      gone: (gone) => this.#forget(key, gone),
    };
    const connection = new Http1Connection(stream, owner);
    this.#all.add(connection);
    return connection;
  }

  /** Ends the idle connections of a key. */
  drop(key: string): void {
    const list = this.#idle.get(key);
    this.#idle.delete(key);
    for (const connection of list ?? []) connection.destroy();
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const connection of [...this.#all]) connection.destroy();
  }

  #keep(key: string, connection: Http1Connection, announcedMs: number | undefined): void {
    const idleMs = announcedMs === undefined ? IDLE_MS : Math.min(announcedMs - MARGIN_MS, MAX_IDLE_MS);
    let list = this.#idle.get(key);
    if (list === undefined) this.#idle.set(key, (list = []));
    if (idleMs <= 0 || list.length >= MAX_IDLE_PER_KEY) return connection.destroy();
    connection.idleUntil = performance.now() + idleMs;
    list.push(connection);
  }

  #forget(key: string, connection: Http1Connection): void {
    this.#all.delete(connection);
    const list = this.#idle.get(key);
    const at = list?.indexOf(connection) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#idle.delete(key);
  }

  #sweep(): void {
    const now = performance.now();
    for (const [key, list] of this.#idle) {
      for (const connection of [...list]) if (connection.idleUntil <= now) connection.destroy();
      if (list.length === 0) this.#idle.delete(key);
    }
  }
}
