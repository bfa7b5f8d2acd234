/** The files of one stream and whoever appends to them. Every change goes through one queue. */
import { mkdir, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { EVENT_OVERHEAD, MAX_EVENT_BYTES } from './contracts.js';
import { firstFrom, lastLine, type Line } from './lines.js';
import { cutText, encodeRecord, MAX_TIME } from './record.js';
import { segmentPath, StreamView, type Segment } from './segments.js';
import { Turn } from './turn.js';

export interface StreamLimits {
  /** A segment that would grow past this is followed by a new one, bytes. */
  readonly segmentBytes: number;
  /** Segments kept of a stream together, bytes. */
  readonly streamBytes: number;
}

export interface StreamWatcher {
  readonly now: () => number;
  /** Bytes on disk changed by so many. */
  grew(bytes: number): void;
  dropped(events: number, bytes: number): void;
}

/** What a stream costs besides its bytes: folder, metadata and the rest of a block. Counted against the account's cap. */
export const STREAM_OVERHEAD = 8 * 1024;

export class StreamFiles {
  /** Open writers: the stream stays while there are any. */
  writers = 0;
  /** Deleted: an append must make the stream anew. */
  gone = false;
  readonly #turn = new Turn();
  #segments: Segment[] = [];
  #handle: FileHandle | undefined;
  #lastOrder = 0;
  #first: Line | undefined;
  #last: Pick<Line, 'time' | 'order' | 'ingested'> | undefined;

  private constructor(
    readonly name: string,
    readonly createdAt: number,
    readonly dir: string,
    readonly limits: StreamLimits,
    readonly watcher: StreamWatcher,
  ) {}

  static async open(name: string, createdAt: number, dir: string, limits: StreamLimits, watcher: StreamWatcher): Promise<StreamFiles> {
    const files = new StreamFiles(name, createdAt, dir, limits, watcher);
    const view = await StreamView.open(dir);
    files.#segments = [...view.segments];
    files.#last = await lastLine(view);
    files.#lastOrder = files.#last?.order ?? 0;
    return files;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get last(): Pick<Line, 'time' | 'order' | 'ingested'> | undefined {
    return this.#last;
  }

  async first(): Promise<Line | undefined> {
    const view = this.view();
    if (this.#first === undefined || this.#first.offset < view.start) this.#first = await firstFrom(view, view.start);
    return this.#first;
  }

  view(): StreamView {
    return new StreamView(this.#segments);
  }

  /** false when the stream is gone. */
  append(events: readonly { readonly time: number; readonly text: string }[]): Promise<boolean> {
    return this.#turn.take(async () => {
      if (this.gone) return false;
      const ingested = this.watcher.now();
      let order = this.#lastOrder;
      let time = 0;
      const records = events.map((event) => {
        time = Number.isFinite(event.time) ? Math.min(Math.max(Math.trunc(event.time), 0), MAX_TIME) : ingested;
        order = Math.max(order, time);
        return encodeRecord({ time, order, ingested, text: cutText(event.text, MAX_EVENT_BYTES - EVENT_OVERHEAD) });
      });
      if (records.length === 0) return true;
      try {
        await this.#write(records.join(''));
      } finally {
        if (this.writers === 0) await this.#closeHandle();
      }
      this.#lastOrder = order;
      this.#last = { time, order, ingested };
      while (this.#segments.length > 1 && this.bytes > this.limits.streamBytes) await this.#dropOldest();
      return true;
    });
  }

  /** Removes the oldest segment if it is still the one named. */
  drop(segment: Segment): Promise<void> {
    return this.#turn.take(async () => {
      if (!this.gone && this.#segments[0]?.base === segment.base) await this.#dropOldest();
    });
  }

  /** Removes everything. */
  remove(): Promise<void> {
    return this.#turn.take(async () => {
      if (this.gone) return;
      this.gone = true;
      await this.#closeHandle();
      const { bytes } = this;
      this.#segments = [];
      await rm(this.dir, { recursive: true, force: true });
      this.watcher.grew(-bytes - STREAM_OVERHEAD);
    });
  }

  /** Closes the file; a later append opens it again. */
  close(): Promise<void> {
    return this.#turn.take(() => this.#closeHandle());
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text, 'utf8');
    let tail = this.#segments.at(-1);
    if (tail === undefined || (tail.size > 0 && tail.size + bytes.length > this.limits.segmentBytes)) {
      await this.#closeHandle();
      const base = tail === undefined ? this.#nextBase : tail.base + tail.size;
      tail = { path: segmentPath(this.dir, base), base, size: 0, modified: this.watcher.now() };
      this.#segments = [...this.#segments, tail];
    }
    if (this.#handle === undefined) {
      await mkdir(this.dir, { recursive: true, mode: 0o700 });
      this.#handle = await open(tail.path, 'a+', 0o600);
      await this.#endTornRecord(this.#handle, tail.base);
    }
    const handle = this.#handle;
    try {
      await handle.appendFile(bytes);
    } finally {
      // Also after a failure half-way: offsets must be those on the disk.
      await this.#measure(handle, tail.base);
    }
  }

  /** A crash may have left half a record: its line is ended, so that the next one has its own. */
  async #endTornRecord(handle: FileHandle, base: number): Promise<void> {
    const { size } = await handle.stat();
    if (size > 0) {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer[0] !== 0x0a) await handle.appendFile('\n');
    }
    await this.#measure(handle, base);
  }

  async #measure(handle: FileHandle, base: number): Promise<void> {
    const { size } = await handle.stat();
    const before = this.#segments.find((segment) => segment.base === base);
    if (before === undefined) return;
    this.#segments = [...this.#segments.slice(0, -1), { ...before, size, modified: this.watcher.now() }];
    this.watcher.grew(size - before.size);
  }

  /** Offset after everything that was ever written, when no segment is left to tell. */
  #nextBase = 0;

  async #dropOldest(): Promise<void> {
    const [oldest, ...rest] = this.#segments;
    if (oldest === undefined) return;
    if (rest.length === 0) {
      await this.#closeHandle();
      this.#nextBase = oldest.base + oldest.size;
      this.#last = undefined;
    }
    const events = await countLines(oldest.path);
    await rm(oldest.path, { force: true });
    this.#segments = rest;
    this.#first = undefined;
    this.watcher.grew(-oldest.size);
    this.watcher.dropped(events, oldest.size);
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

export async function countLines(path: string): Promise<number> {
  const bytes = await readFile(path);
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
