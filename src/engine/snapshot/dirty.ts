/**
 * The pages a clone has of its own. Its RAM is the template's file mapped private, so a page it wrote is anonymous
 * memory of the VMM, and the kernel tells: in /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst) bit 63 =
 * present, bit 62 = swapped, bit 61 = file page or shared. Private copy = (present or swapped) and not file.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { Fault } from '../../errors/index.js';

export const PAGE = 4096;

/** Part of the RAM file in the VMM's address space. */
export interface Mapping {
  readonly address: number; // fits 47 bits
  readonly bytes: number;
  readonly fileOffset: number;
}

export interface PageRun {
  readonly page: number; // index in the RAM file
  readonly count: number;
}

export async function ramMappings(pid: number, ramPath: string): Promise<Mapping[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  const found: Mapping[] = [];
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+\s+(.*)$/.exec(line);
    if (match === null || match[4] !== ramPath) continue;
    const [start, end, fileOffset] = [match[1], match[2], match[3]].map((hex) => Number.parseInt(hex ?? '', 16)) as [number, number, number];
    found.push({ address: start, bytes: end - start, fileOffset });
  }
  if (found.length === 0) throw new Fault(`VMM ${pid} does not map ${ramPath}`);
  return found;
}

const ENTRY = 8;
const ENTRIES_PER_READ = 128 * 1024;
const PRESENT_OR_SWAPPED = 0xc0000000;
const FILE_OR_SHARED = 0x20000000;

/** Runs of private pages, ascending. The VM must be stopped. */
export async function dirtyRuns(pid: number, mappings: readonly Mapping[]): Promise<PageRun[]> {
  const runs: PageRun[] = [];
  const pagemap = await open(`/proc/${pid}/pagemap`, 'r');
  try {
    const buffer = Buffer.alloc(ENTRIES_PER_READ * ENTRY);
    // Each entry is 64 bits; the flags are in its high half (little-endian: the second word).
    const words = new Uint32Array(buffer.buffer, buffer.byteOffset, ENTRIES_PER_READ * 2);
    for (const mapping of mappings) {
      const pages = mapping.bytes / PAGE;
      const firstPage = mapping.fileOffset / PAGE;
      let runStart = -1;
      for (let done = 0; done < pages; ) {
        const want = Math.min(ENTRIES_PER_READ, pages - done);
        await readFully(pagemap, buffer.subarray(0, want * ENTRY), (mapping.address / PAGE + done) * ENTRY);
        for (let i = 0; i < want; i++) {
          const flags = words[i * 2 + 1] ?? 0;
          const isPrivate = (flags & PRESENT_OR_SWAPPED) !== 0 && (flags & FILE_OR_SHARED) === 0;
          if (isPrivate && runStart < 0) runStart = done + i;
          if (!isPrivate && runStart >= 0) {
            runs.push({ page: firstPage + runStart, count: done + i - runStart });
            runStart = -1;
          }
        }
        done += want;
      }
      if (runStart >= 0) runs.push({ page: firstPage + runStart, count: pages - runStart });
    }
  } finally {
    await pagemap.close();
  }
  return runs;
}

/** Where a page of the RAM file lies in the VMM. */
export function addressOf(mappings: readonly Mapping[], fileOffset: number): number {
  const mapping = mappings.find((m) => fileOffset >= m.fileOffset && fileOffset < m.fileOffset + m.bytes);
  if (mapping === undefined) throw new Fault(`offset ${fileOffset} of the RAM file is not mapped`);
  return mapping.address + (fileOffset - mapping.fileOffset);
}

/** Fills `target` from `position`; a short read means the VMM is going away. */
export async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Fault(`read ended ${target.length - done} bytes early at ${position + done}`);
    done += bytesRead;
  }
}
