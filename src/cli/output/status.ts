/** What is under way, on standard error: on a terminal one line that is written over, else a line for each step that ends. */
import { millisText } from './units.js';

const TICK_MS = 250;

export class Status {
  readonly #live: boolean;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #doing: { readonly what: string; readonly since: number } | undefined;

  constructor(private readonly out: { readonly isTTY?: boolean; write(text: string): unknown }) {
    this.#live = out.isTTY === true;
    if (this.#live) this.#timer = setInterval(() => this.#draw(), TICK_MS).unref();
  }

  /** ms since it was made. */
  get elapsed(): number {
    return performance.now() - this.#started;
  }

  begin(what: string): void {
    this.#doing = { what, since: performance.now() };
    this.#draw();
  }

  /** Ends what was begun, with a line. */
  end(mark: '✓' | '✗', text: string, ms?: number): void {
    const took = ms ?? (this.#doing === undefined ? 0 : performance.now() - this.#doing.since);
    this.#doing = undefined;
    this.line(`${mark} ${text}  ${millisText(took)}`);
  }

  async step<T>(what: string, work: () => Promise<T>, told: (result: T) => string = () => what): Promise<T> {
    this.begin(what);
    try {
      const result = await work();
      this.end('✓', told(result));
      return result;
    } catch (error) {
      this.end('✗', what);
      throw error;
    }
  }

  line(text: string): void {
    this.#clear();
    this.out.write(`${text}\n`);
    this.#draw();
  }

  close(): void {
    this.#doing = undefined;
    this.#clear();
    clearInterval(this.#timer);
  }

  #draw(): void {
    if (!this.#live || this.#doing === undefined) return;
    this.out.write(`\r\x1b[K… ${this.#doing.what}  ${Math.round((performance.now() - this.#doing.since) / 1000)} s`);
  }

  #clear(): void {
    if (this.#live) this.out.write('\r\x1b[K');
  }
}
