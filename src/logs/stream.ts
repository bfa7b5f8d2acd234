import { messageOf } from '../errors/index.js';
import { RotatingFile, type RotationLimits } from './rotating-file.js';

/** Characters a stream holds in memory while the disk is behind; more is dropped and counted. */
const MAX_BUFFERED = 4 * 1024 * 1024;
/** Characters handed to the disk at once. */
const MAX_BATCH = 256 * 1024;

/** Last time a Date can tell, ms since 1970. Times come from guests and may be anything. */
const MAX_TIME = 8.64e15;

export function formatLine(time: number, text: string): string {
  const known = Number.isFinite(time) && Math.abs(time) <= MAX_TIME ? time : 0;
  return `${new Date(known).toISOString()} ${text.replace(/\r\n|[\r\n]/g, '\\n')}\n`;
}

/**
 * One log stream: lines are buffered and appended in the background, in order, by one flush at a time.
 * Lines that cannot be kept (buffer full, disk failing) are counted; the next batch that can be written says so.
 */
export class LogStream {
  readonly #file: RotatingFile;
  readonly #limits: RotationLimits;
  #lines: string[] = [];
  #buffered = 0;
  #lost = 0;
  #lostWhy = '';
  /** The flush or the closing under way; one at a time touches the file. */
  #busy: Promise<void> | undefined;

  constructor(
    file: string,
    limits: RotationLimits,
    readonly onError: (error: unknown) => void,
  ) {
    this.#limits = limits;
    this.#file = new RotatingFile(file, limits);
  }

  write(time: number, text: string): void {
    if (this.#buffered >= MAX_BUFFERED) {
      this.#lose(1, 'more lines came than the disk took');
      return;
    }
    const line = formatLine(time, text);
    this.#lines.push(line);
    this.#buffered += line.length;
    this.#busy ??= this.#flush();
  }

  /** Resolves when all lines are written or lost. */
  async flushed(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  /** Also closes the file; a later line opens it again. */
  async close(): Promise<void> {
    await this.flushed();
    this.#busy = this.#closeFile();
    await this.flushed();
  }

  async #closeFile(): Promise<void> {
    try {
      await this.#file.close();
    } catch (error) {
      this.onError(error);
    }
    this.#busy = this.#lines.length > 0 ? this.#flush() : undefined;
  }

  async #flush(): Promise<void> {
    // Lets the lines of this turn of the event loop gather into one write.
    await new Promise(setImmediate);
    while (this.#lines.length > 0) {
      const batch = this.#take();
      try {
        await this.#file.append(this.#notice() + batch.join(''));
        this.#lost = 0;
      } catch (error) {
        this.#lose(batch.length, messageOf(error));
        this.onError(error);
      }
    }
    this.#busy = undefined;
  }

  /** The oldest lines, as many as fit a batch and at least one. */
  #take(): string[] {
    const limit = Math.min(MAX_BATCH, this.#limits.maxBytes);
    let size = this.#lines[0]?.length ?? 0;
    let count = 1;
    for (let next = this.#lines[count]; next !== undefined && size + next.length <= limit; next = this.#lines[count]) {
      size += next.length;
      count++;
    }
    this.#buffered -= size;
    return this.#lines.splice(0, count);
  }

  #lose(lines: number, why: string): void {
    this.#lost += lines;
    this.#lostWhy = why;
  }

  #notice(): string {
    return this.#lost === 0 ? '' : formatLine(Date.now(), `[${this.#lost} log lines lost: ${this.#lostWhy}]`);
  }
}
