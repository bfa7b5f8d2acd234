/**
 * The steps of one MicroVM, one at a time, in the order they were asked for. A step gets a signal; {@link abort}
 * aborts the one under way and those that wait.
 */
export class StepQueue {
  #tail: Promise<void> = Promise.resolve();
  #abort = new AbortController();

  /** Settles as `body` does. An aborted step that had not begun still runs, with its signal aborted. */
  run<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    const result = this.#tail.then(() => body(signal));
    const settled = (): void => undefined;
    this.#tail = result.then(settled, settled);
    return result;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
    this.#abort = new AbortController();
  }

  /** Resolves when the steps asked for until now have settled. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
