/**
 * The pages a clone has of its own. Its RAM is the template's file mapped private, so a page it wrote is anonymous
 * memory of the VMM, and the kernel tells (Documentation/admin-guide/mm/pagemap.rst): at once where it has PAGEMAP_SCAN,
 * else by one entry of /proc/PID/pagemap for each page of RAM.
 */
import { open, readFile } from 'node:fs/promises';
import { Fault } from '../../errors/index.js';
import { PAGE, readAnonymous } from '../linux/pagemap.js';
import { canScan, scanAnonymous } from '../linux/pagemap-scan.js';

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

/** Runs of private pages, ascending. The VM must be stopped. */
export async function dirtyRuns(pid: number, mappings: readonly Mapping[]): Promise<PageRun[]> {
  const find = (await canScan()) ? scanAnonymous : readAnonymous;
  const runs: PageRun[] = [];
  const pagemap = await open(`/proc/${pid}/pagemap`, 'r');
  try {
    for (const { address, bytes, fileOffset } of mappings) {
      for (const { start, end } of await find(pagemap, { start: address, end: address + bytes })) {
        runs.push({ page: (start - address + fileOffset) / PAGE, count: (end - start) / PAGE });
      }
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
