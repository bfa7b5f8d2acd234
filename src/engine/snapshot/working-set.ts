/**
 * The part of a template's RAM file that a launch reads up to its first answers. The first clone that lives long enough
 * tells it; from then on it is read ahead of the guest, in large pieces and in the file's order, instead of page by page
 * as the guest meets it. That pays when the file is not in the page cache, and costs next to nothing when it is.
 *
 * Only ever a hint: whatever fails here, the guest reads its pages itself.
 */
import { access, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Vm } from '../contracts.js';
import { posixFadvise } from '../linux/libc.js';
import { PAGE } from '../linux/pagemap.js';
import { canScan, scanPresent } from '../linux/pagemap-scan.js';
import { ramMappings } from './dirty.js';
import { FILES } from './manifest.js';

const FILE = 'working-set.json';
/** Pages between two ranges that are cheaper read than skipped. */
const SMALL_GAP = 32;
/** One request is cut to the disk's read-ahead or largest transfer, whichever is more: hardly ever below this. */
const PIECE = 256 * 1024;
/** Read ahead at most, in bytes: a first clone may have read all of a large memory. */
const MOST = 256 * 1024 * 1024;
/** ms after its launch at which a clone has usually answered its first requests. */
const SETTLED = 10_000;
/** ms for which what was read is taken to be in the page cache still: a burst of launches asks once. */
const RECENT = 30_000;
const POSIX_FADV_WILLNEED = 3;

const schema = z.array(z.tuple([z.number().int().nonnegative(), z.number().int().positive()])); // [page, count]

export class WorkingSets {
  readonly #recent = new Set<string>();

  /** Starts to read it ahead, if it is known. */
  prefetch(template: string): void {
    if (this.#recent.has(template)) return;
    this.#recent.add(template);
    setTimeout(() => this.#recent.delete(template), RECENT).unref();
    prefetchWorkingSet(template).catch(() => undefined); // a hint; the launch itself reports what is wrong with a template
  }

  /** Records what a clone that was just launched will have read, unless that is known. */
  observe(vm: Pick<Vm, 'pid' | 'exited'>, template: string): void {
    const timer = setTimeout(() => {
      access(join(template, FILE))
        .catch(() => recordWorkingSet(vm.pid, template))
        .catch(() => undefined); // the clone or its image went away: the next one records
    }, SETTLED).unref();
    void vm.exited.then(() => clearTimeout(timer));
  }
}

/** Writes down what a clone has touched so far. Where the kernel cannot tell cheaply, nothing is. */
export async function recordWorkingSet(pid: number, template: string): Promise<void> {
  if (!(await canScan())) return;
  const ranges: [number, number][] = [];
  const pagemap = await open(`/proc/${pid}/pagemap`, 'r');
  try {
    for (const { address, bytes, fileOffset } of await ramMappings(pid, join(template, FILES.ram))) {
      for (const { start, end } of await scanPresent(pagemap, { start: address, end: address + bytes })) {
        const page = (start - address + fileOffset) / PAGE;
        const count = (end - start) / PAGE;
        const last = ranges.at(-1);
        if (last !== undefined && page - (last[0] + last[1]) <= SMALL_GAP) last[1] = page + count - last[0];
        else ranges.push([page, count]);
      }
    }
  } finally {
    await pagemap.close();
  }
  const path = join(template, FILE);
  const temporary = `${path}.${pid}`;
  await writeFile(temporary, JSON.stringify(ranges), { mode: 0o600 });
  await rename(temporary, path);
}

/** Asks the kernel to read it into the page cache; resolves when it has been asked. */
export async function prefetchWorkingSet(template: string): Promise<void> {
  const text = await readFile(join(template, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return; // not recorded yet
  let left = MOST;
  const file = await open(join(template, FILES.ram), 'r');
  try {
    for (const [page, count] of schema.parse(JSON.parse(text))) {
      for (let done = 0; done < count * PAGE && left > 0; done += PIECE, left -= PIECE) {
        await posixFadvise(file.fd, page * PAGE + done, Math.min(PIECE, count * PAGE - done), POSIX_FADV_WILLNEED);
      }
    }
  } finally {
    await file.close();
  }
}
