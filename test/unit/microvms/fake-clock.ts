import type { Clock } from '../../../src/clock/index.js';

export const START = Date.UTC(2026, 6, 1, 23, 59, 0);

export class FakeClock implements Clock {
  #now = START;
  #skew = 0;
  #timers = new Set<{ readonly at: number; readonly fn: () => void }>();

  now(): number {
    return this.#now + this.#skew;
  }

  steady(): number {
    return this.#now;
  }

  /** Sets the wall clock forward, or back. */
  jump(ms: number): void {
    this.#skew += ms;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Fires what comes due, in order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = end;
  }
}
