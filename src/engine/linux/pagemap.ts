/**
 * What /proc/PID/pagemap says of a range, entry by entry, for kernels without PAGEMAP_SCAN: 64 bits a page, of which
 * bit 63 = present, bit 62 = swapped, bit 61 = file page or shared. The cost follows the size of the range.
 */
import type { FileHandle } from 'node:fs/promises';
import { Fault } from '../../errors/index.js';
import type { AddressRange } from './pagemap-scan.js';

export const PAGE = 4096;

const ENTRY = 8;
const ENTRIES_PER_READ = 128 * 1024; // of 512 MiB
/** Entries compared with zeros at once: most of a large RAM was never touched. */
const BLOCK = 512;
const PRESENT_OR_SWAPPED = 0xc0000000;
const FILE_OR_SHARED = 0x20000000;

/** Ranges of anonymous pages, present or swapped, ascending. */
export async function readAnonymous(pagemap: FileHandle, { start, end }: AddressRange): Promise<AddressRange[]> {
  const found: AddressRange[] = [];
  const pages = (end - start) / PAGE;
  const entries = Buffer.alloc(Math.min(pages, ENTRIES_PER_READ) * ENTRY);
  const zeros = Buffer.alloc(BLOCK * ENTRY);
  // The flags are in the high half of an entry: little-endian, the second word.
  const words = new Uint32Array(entries.buffer, entries.byteOffset, entries.length / 4);
  let first = -1; // page of the range being read
  for (let done = 0; done < pages; ) {
    const count = Math.min(ENTRIES_PER_READ, pages - done);
    await readFully(pagemap, entries.subarray(0, count * ENTRY), (start / PAGE + done) * ENTRY);
    for (let i = 0; i < count; i++) {
      if (first < 0 && i % BLOCK === 0 && i + BLOCK <= count && zeros.compare(entries, i * ENTRY, (i + BLOCK) * ENTRY) === 0) {
        i += BLOCK - 1;
        continue;
      }
      const flags = words[i * 2 + 1] ?? 0;
      const anonymous = (flags & PRESENT_OR_SWAPPED) !== 0 && (flags & FILE_OR_SHARED) === 0;
      if (anonymous === first >= 0) continue;
      if (!anonymous) found.push({ start: start + first * PAGE, end: start + (done + i) * PAGE });
      first = anonymous ? done + i : -1;
    }
    done += count;
  }
  if (first >= 0) found.push({ start: start + first * PAGE, end });
  return found;
}

/** A short read means that the process is going away. */
async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Fault(`pagemap ended ${target.length - done} bytes early at ${position + done}`);
    done += bytesRead;
  }
}
