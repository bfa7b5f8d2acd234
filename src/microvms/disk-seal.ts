import type { MicrovmDeps } from './deps.js';

/** Checksums the disks of a suspended MicroVM, beside everything else; given up when it is resumed or ends first. */
export class DiskSeal {
  #abort = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(
    private readonly deps: Pick<MicrovmDeps, 'engine'>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(dir: string): void {
    const { signal } = (this.#abort = new AbortController());
    this.#done = this.deps.engine.seal(dir, signal).catch((error: unknown) => {
      if (!signal.aborted) this.failed(error);
    });
  }

  /** Resolves when nothing of it touches the folder any more. */
  stop(): Promise<void> {
    this.#abort.abort(new Error('the disks are needed'));
    return this.#done;
  }
}
