import { unlessAborted } from './bounded.js';

/**
 * So many pieces of work at once, the rest in the order of their arrival. Launches that all run at once finish together,
 * late, and the guests that are up already take CPU time from those that are not.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /** Rejects with the signal's reason when it aborts before the turn came; work that has begun is not disturbed. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    let take = (): void => undefined;
    const turn = new Promise<void>((resolve) => (take = resolve));
    this.#waiting.push(take);
    try {
      await unlessAborted(turn, signal);
    } catch (error) {
      const place = this.#waiting.indexOf(take);
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#pass(); // it came in the same moment
      throw error;
    }
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
