/** Ends connections of clients that take nothing of what waits for them. */
import type { Socket } from 'node:net';

/** A connection with bytes to send must move some within this time. Unknown: endpoint-limits */
const STALL_MS = 60_000;
const LOOK_MS = 10_000;

interface Progress {
  readonly written: number;
  readonly at: number; // ms on the monotonic clock
}

/** What it needs of a connection. */
export type Watched = Pick<Socket, 'bytesWritten' | 'writableLength' | 'destroy'>;

export class StallWatch {
  readonly #progress = new WeakMap<Watched, Progress>();

  constructor(private readonly connections: Iterable<Watched>) {}

  start(): { stop(): void } {
    const timer = setInterval(() => this.look(performance.now()), LOOK_MS).unref();
    return { stop: () => clearInterval(timer) };
  }

  look(now: number): void {
    for (const connection of this.connections) {
      // What it counts is what was handed over; what waits is not sent yet.
      const sent = connection.bytesWritten - connection.writableLength;
      const before = this.#progress.get(connection);
      if (connection.writableLength === 0 || before === undefined || before.written !== sent) {
        this.#progress.set(connection, { written: sent, at: now });
      } else if (now - before.at >= STALL_MS) {
        connection.destroy();
      }
    }
  }
}
