import type { AppLog, LogReader, LogWriter } from './contracts.js';
import { streamFile } from './names.js';
import { readStream } from './read.js';
import type { RotationLimits } from './rotating-file.js';
import { LogStream } from './stream.js';

export interface FileLogOptions extends Partial<RotationLimits> {
  /** A write failed; lines are lost until writing works again. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Logs as text files, mode 0600: `<dir>/<group>/<stream>.log` with names encoded (names.ts), one line
 * `<ISO time> <text>` per log line. By default the newest 3 files of 10 MiB are kept of each stream.
 */
export function createFileLog(dir: string, options: FileLogOptions = {}): AppLog & LogReader {
  const limits = { maxBytes: options.maxBytes ?? 10 * 1024 * 1024, files: options.files ?? 3 };
  const onError = options.onError ?? ((): void => undefined);
  const open = new Map<string, { stream: LogStream; writers: number }>();

  function acquire(file: string): LogStream {
    const known = open.get(file);
    if (known !== undefined) {
      known.writers++;
      return known.stream;
    }
    const stream = new LogStream(file, limits, onError);
    open.set(file, { stream, writers: 1 });
    return stream;
  }

  /** The last writer closes the file. One that comes while it closes takes the stream over. */
  async function release(file: string): Promise<void> {
    const entry = open.get(file);
    if (entry === undefined) return;
    entry.writers--;
    if (entry.writers > 0) return entry.stream.flushed();
    await entry.stream.close();
    if (entry.writers === 0 && open.get(file) === entry) open.delete(file);
  }

  return {
    stream(group, name): LogWriter {
      const file = streamFile(dir, group, name);
      const stream = acquire(file);
      let closed: Promise<void> | undefined;
      return {
        write(time, text) {
          if (closed === undefined) stream.write(time, text);
        },
        close: () => (closed ??= release(file)),
      };
    },
    read: (group, name) => readStream(streamFile(dir, group, name), limits.files),
  };
}
