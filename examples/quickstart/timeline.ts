/** Steps with their times, for a person. */
export class Timeline {
  readonly #started = performance.now();

  /** Runs one step and prints its line; a step over a second shows that it is under way. */
  async step<T>(what: string, work: () => Promise<T>, note: (result: T) => string = () => ''): Promise<T> {
    const started = performance.now();
    const tty = process.stdout.isTTY;
    const timer = setInterval(() => {
      const seconds = Math.round((performance.now() - started) / 1000);
      if (tty) process.stdout.write(`\r\x1b[K  … ${what} ${seconds} s`);
      else if (seconds % 10 === 1) process.stdout.write(`  … ${what} ${seconds} s\n`);
    }, 1000);
    try {
      const result = await work();
      const text = note(result);
      process.stdout.write(`${tty ? '\r\x1b[K' : ''}${pad(performance.now() - this.#started)} ms  +${pad(performance.now() - started)} ms  ${what}${text === '' ? '' : `: ${text}`}\n`);
      return result;
    } finally {
      clearInterval(timer);
    }
  }
}

const pad = (ms: number): string => String(Math.round(ms)).padStart(7);
