import { messageOf } from '../errors/index.js';

/** Characters a writer holds in memory while the disk is behind; more is dropped and counted. */
const MAX_BUFFERED = 4 * 1024 * 1024;
/** Characters handed to the disk at once. */
const MAX_BATCH = 256 * 1024;

export interface Entry {
  readonly time: number;
  readonly text: string;
}

export interface WriterDeps {
  readonly append: (events: readonly Entry[]) => Promise<void>;
  readonly now: () => number;
  readonly onLost: (lines: number) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * The way into a stream that never makes its caller wait: lines are buffered and appended in the background, in order, by
 * one flush at a time. Lines that cannot be kept (buffer full, disk failing) are counted; the next batch says so.
 */
export class BufferedWriter {
  #entries: Entry[] = [];
  #buffered = 0;
  #lost = 0;
  #lostWhy = '';
  #busy: Promise<void> | undefined;

  constructor(readonly deps: WriterDeps) {}

  write(time: number, text: string): void {
    if (this.#buffered >= MAX_BUFFERED) {
      this.#lose(1, 'more lines came than the disk took');
      return;
    }
    // A guest's clock may say anything; what has come cannot be of the future.
    const now = this.deps.now();
    this.#entries.push({ time: Number.isFinite(time) && time >= 0 ? Math.min(time, now) : now, text });
    this.#buffered += text.length;
    this.#busy ??= this.#flush();
  }

  /** Resolves when all lines are written or lost. */
  async flushed(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  async #flush(): Promise<void> {
    // Lets the lines of this turn of the event loop gather into one write.
    await new Promise(setImmediate);
    while (this.#entries.length > 0) {
      const batch = this.#take();
      try {
        await this.deps.append([...this.#notice(), ...batch]);
        this.#lost = 0;
      } catch (error) {
        this.#lose(batch.length, messageOf(error));
        this.deps.onError(error);
      }
    }
    this.#busy = undefined;
  }

  /** The oldest lines, as many as fit a batch and at least one. */
  #take(): Entry[] {
    let size = this.#entries[0]?.text.length ?? 0;
    let count = 1;
    for (let next = this.#entries[count]; next !== undefined && size + next.text.length <= MAX_BATCH; next = this.#entries[count]) {
      size += next.text.length;
      count++;
    }
    this.#buffered -= size;
    return this.#entries.splice(0, count);
  }

  #lose(lines: number, why: string): void {
    this.#lost += lines;
    this.#lostWhy = why;
    this.deps.onLost(lines);
  }

  #notice(): Entry[] {
    return this.#lost === 0 ? [] : [{ time: this.deps.now(), text: `[${this.#lost} log lines lost: ${this.#lostWhy}]` }];
  }
}
