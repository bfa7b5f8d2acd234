/**
 * A stream's bytes are cut into segment files, named by the offset of their first byte: `<16 digits>.log`. The oldest are
 * removed whole, so offsets never change. A record lies in one segment.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../files/if-there.js';

export interface Segment {
  readonly path: string;
  /** Offset in the stream of its first byte. */
  readonly base: number;
  readonly size: number;
  /** Last write, ms since 1970. */
  readonly modified: number;
}

export function segmentPath(dir: string, base: number): string {
  return join(dir, `${String(base).padStart(16, '0')}.log`);
}

/** Oldest first; none when the folder is gone. */
export async function listSegments(dir: string): Promise<Segment[]> {
  const names = (await ifThere(readdir(dir))) ?? [];
  const segments: Segment[] = [];
  for (const name of names.filter((entry) => /^\d{16}\.log$/.test(entry)).sort()) {
    const path = join(dir, name);
    const found = await ifThere(stat(path)); // removed meanwhile
    if (found !== undefined) segments.push({ path, base: Number(name.slice(0, 16)), size: found.size, modified: found.mtimeMs });
  }
  return segments;
}

/** A stream as it was when it was opened. */
export class StreamView {
  readonly start: number;
  readonly end: number;

  constructor(readonly segments: readonly Segment[]) {
    const [first] = segments;
    const last = segments.at(-1);
    this.start = first?.base ?? 0;
    this.end = last === undefined ? 0 : last.base + last.size;
  }

  static async open(dir: string): Promise<StreamView> {
    return new StreamView(await listSegments(dir));
  }

  /** The segment that has the byte at `offset`. */
  at(offset: number): Segment | undefined {
    return this.segments.findLast((segment) => segment.base <= offset && offset < segment.base + segment.size);
  }

  /** At most `length` bytes and not beyond the segment; empty when it has been removed meanwhile. */
  async read(offset: number, length: number): Promise<Buffer> {
    const segment = this.at(offset);
    if (segment === undefined) return Buffer.alloc(0);
    const file = await ifThere(open(segment.path, 'r'));
    if (file === undefined) return Buffer.alloc(0);
    try {
      const buffer = Buffer.allocUnsafe(Math.min(length, segment.base + segment.size - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset - segment.base);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
