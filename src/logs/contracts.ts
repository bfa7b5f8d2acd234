/**
 * Where the output of applications and builds goes. Groups hold streams, streams hold lines, as in CloudWatch Logs.
 * Names are the caller's and may hold any character; an implementation encodes them.
 */
export interface AppLog {
  /** Opens (creates) a log stream; writes are lines with their time. Several writers may share a stream. */
  stream(group: string, name: string): LogWriter;
}

export interface LogWriter {
  /** time: ms since 1970. Returns at once; the line is on disk at the latest when {@link close} has resolved. */
  write(time: number, text: string): void;
  /** Idempotent; never rejects: lines that could not be written are counted and reported instead. */
  close(): Promise<void>;
}

export interface LogReader {
  /** The lines kept of a stream, oldest first, as `<ISO time> <text>`; none when there is no such stream. */
  read(group: string, name: string): AsyncIterable<string>;
}
