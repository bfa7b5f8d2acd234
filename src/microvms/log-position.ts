/** How far the application's output is in the log: `log-seq` in the MicroVM's folder, for the daemon that comes next. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock/index.js';

/** ms between writes. A daemon that dies repeats what came in so long, and loses nothing. */
const SAVE_MS = 1_000;

export class LogPosition {
  #seq = 0;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #file: string;

  constructor(dir: string, private readonly clock: Clock, private readonly failed: (error: unknown) => void) {
    this.#file = join(dir, 'log-seq');
  }

  /** Number of the last line logged, 0 for none. */
  get seq(): number {
    return this.#seq;
  }

  async load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '0'); // nothing was logged yet
    this.#seq = Number.parseInt(text, 10) || 0;
  }

  /** Also backwards, when a run of the guest is undone. */
  set(seq: number): void {
    this.#seq = seq;
  }

  /** Moves on and, some time later, writes what is surely in the log by then. */
  note(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
    const safe = this.#seq;
    this.#cancel ??= this.clock.after(SAVE_MS, () => {
      this.#cancel = undefined;
      this.#writing = this.#write(safe).catch(this.failed);
    });
  }

  /** To be called when the log is closed. */
  async save(): Promise<void> {
    await this.stop();
    await this.#write(this.#seq).catch(this.failed);
  }

  /** Resolves when nothing of it touches the folder any more. */
  stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#writing;
  }

  async #write(seq: number): Promise<void> {
    await writeFile(`${this.#file}.new`, String(seq), { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }
}
