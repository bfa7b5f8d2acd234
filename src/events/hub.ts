import type { Clock } from '../clock/index.js';
import type { EventWatch } from './contracts.js';

/** Of an account at once. */
export const MAX_WATCHES = 32;

/** Wakes whoever waits for events. It holds none itself: a slow reader costs nothing but its place. */
export class EventHub {
  readonly #watches = new Set<Watch>();
  readonly #listeners = new Set<() => void>();
  readonly #told = new Set<string>();

  constructor(private readonly clock: Clock) {}

  /** An event of that account is about to be durable, or to be rolled back: in the next turn of the event loop it is either. */
  announce(accountId: string): void {
    if (this.#told.size === 0) setImmediate(() => this.#tell());
    this.#told.add(accountId);
  }

  /** Calls `fn` when there may be something new of any account, until the returned function is called. */
  listen(fn: () => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  /** undefined: there are as many of the account as there may be. */
  watch(accountId: string): EventWatch | undefined {
    if ([...this.#watches].filter((watch) => watch.accountId === accountId).length >= MAX_WATCHES) return undefined;
    const watch = new Watch(this.clock, accountId, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  #tell(): void {
    for (const watch of this.#watches) if (this.#told.has(watch.accountId)) watch.wake();
    this.#told.clear();
    for (const listener of this.#listeners) listener();
  }
}

class Watch implements EventWatch {
  #news = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    readonly accountId: string,
    readonly close: () => void,
  ) {}

  wake(): void {
    this.#news = true;
    this.#wake?.();
  }

  next(ms: number, signal: AbortSignal): Promise<'news' | 'quiet'> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', abort);
        this.#wake = undefined;
      };
      const abort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const news = (): void => {
        end();
        this.#news = false;
        resolve('news');
      };
      let cancel = (): void => undefined;
      if (this.#news) return news();
      cancel = this.clock.after(ms, () => {
        end();
        resolve('quiet');
      });
      this.#wake = news;
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
