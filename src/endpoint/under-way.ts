/** Requests that are being answered, so that a server that stops can wait for them. */
export class UnderWay {
  #count = 0;
  #none: (() => void) | undefined;

  /** Until it closes, however that comes. */
  add(exchange: { once(event: 'close', listener: () => void): unknown }): void {
    this.#count++;
    exchange.once('close', () => {
      this.#count--;
      if (this.#count === 0) this.#none?.();
    });
  }

  /** Resolves when there is none, or after `limitMs`. */
  ended(limitMs: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#none = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
