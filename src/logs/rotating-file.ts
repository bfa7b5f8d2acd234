import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Sizes in bytes. */
export interface RotationLimits {
  /** A file that would grow past this is set aside first. */
  readonly maxBytes: number;
  /** Files kept of a stream, the one being written included. */
  readonly files: number;
}

/** The n-th newest file of a stream; 0 is the one being written. */
export function rotated(file: string, n: number): string {
  return n === 0 ? file : `${file}.${n}`;
}

/** One file appended to, set aside as `<file>.1`, `.2`, … when full. Calls must not overlap. */
export class RotatingFile {
  #handle: FileHandle | undefined;
  #size = 0;

  constructor(
    readonly file: string,
    readonly limits: RotationLimits,
  ) {}

  async append(text: string): Promise<void> {
    const chunk = Buffer.from(text, 'utf8');
    let handle = this.#handle ?? (await this.#open());
    if (this.#size > 0 && this.#size + chunk.length > this.limits.maxBytes) {
      await this.#rotate();
      handle = await this.#open();
    }
    await handle.appendFile(chunk);
    this.#size += chunk.length;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
    const handle = await open(this.file, 'a', 0o600);
    this.#handle = handle;
    this.#size = (await handle.stat()).size;
    return handle;
  }

  async #rotate(): Promise<void> {
    await this.close();
    for (let n = this.limits.files - 2; n >= 0; n--) {
      await rename(rotated(this.file, n), rotated(this.file, n + 1)).catch((error: unknown) => {
        // A stream that has not filled so many files yet.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    }
  }
}
