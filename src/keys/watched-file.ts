/** A file that is looked at once a second, and read again when it changed. */
import { stat } from 'node:fs/promises';
import type { Clock } from '../clock/index.js';
import { isMissing } from '../files/private-files.js';

/** Between two looks at the file. */
const CHECK_MS = 1000;

/** Changes with any write or replacement; take it before the file is read, so that a change in between is seen as one. */
export async function fingerprint(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino, mode } = await stat(path);
    return [mtimeMs, ctimeMs, size, ino, mode].join(' ');
  } catch (error) {
    if (isMissing(error)) return 'gone';
    throw error;
  }
}

export interface WatchedFile {
  readonly path: string;
  /** As of the reading that is in force. */
  readonly seen: string;
  readonly clock: Clock;
  /** Once for each change. */
  readonly changed: () => Promise<void>;
  /** What `changed` threw; the watch goes on. */
  readonly failed: (error: unknown) => void;
}

/** Answers the end of the watch. */
export function watchFile({ path, seen: first, clock, changed, failed }: WatchedFile): () => void {
  let seen = first;
  let cancel: (() => void) | undefined;
  let closed = false;

  async function check(): Promise<void> {
    const now = await fingerprint(path);
    if (now === seen) return;
    seen = now;
    await changed();
  }

  function checkLater(): void {
    if (closed) return;
    cancel = clock.after(CHECK_MS, () => {
      check().catch(failed).finally(checkLater);
    });
  }

  checkLater();
  return () => {
    closed = true;
    cancel?.();
  };
}
