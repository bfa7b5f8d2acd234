/** What the kernel says of a private mapping's own pages, and the way to and from them: in this very process. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import koffi from 'koffi';
import { PAGE, readAnonymous } from '../../../src/engine/linux/pagemap.js';
import { type AddressRange, canScan, scanAnonymous } from '../../../src/engine/linux/pagemap-scan.js';
import { readPlaces, writePlaces } from '../../../src/engine/linux/process-memory.js';
import { dirtyRuns, type PageRun, ramMappings } from '../../../src/engine/snapshot/dirty.js';
import { batches, copyPages, layPages } from '../../../src/engine/snapshot/pages.js';

const libc = koffi.load(null);
const mmap = libc.func('intptr_t mmap(intptr_t address, size_t length, int protection, int flags, int fd, long offset)') as unknown as (...args: number[]) => number;
const munmap = libc.func('int munmap(intptr_t address, size_t length)') as unknown as (...args: number[]) => number;
const [PROT_READ_WRITE, MAP_PRIVATE_NORESERVE] = [3, 0x4002];

/** More than one read of the linear scan (512 MiB), and larger than what is ever touched of it. */
const BYTES = 640 * 1024 * 1024;
const PAGES = BYTES / PAGE;

describe('pages of a private mapping', () => {
  let dir: string;
  let ram: string;
  let base: number;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-pages-'));
    ram = join(dir, 'ram');
    await writeFile(ram, Buffer.alloc(1024 * PAGE, 'template'));
    const file = await open(ram, 'r+');
    await file.truncate(BYTES);
    base = mmap(0, BYTES, PROT_READ_WRITE, MAP_PRIVATE_NORESERVE, file.fd, 0);
    await file.close();
    assert.ok(base > 0);
  });
  after(async () => {
    munmap(base, BYTES);
    await rm(dir, { recursive: true });
  });

  const scans = async (): Promise<Record<string, PageRun[]>> => {
    const pagemap = await open('/proc/self/pagemap', 'r');
    try {
      const range = { start: base, end: base + BYTES };
      const runs = (found: AddressRange[]) => found.map(({ start, end }) => ({ page: (start - base) / PAGE, count: (end - start) / PAGE }));
      return { linear: runs(await readAnonymous(pagemap, range)), ...((await canScan()) ? { kernel: runs(await scanAnonymous(pagemap, range)) } : {}) };
    } finally {
      await pagemap.close();
    }
  };
  const touch = (pages: readonly number[], fill: string): Promise<void> =>
    writePlaces(process.pid, pages.map((page) => ({ address: base + page * PAGE, bytes: PAGE })), Buffer.alloc(pages.length * PAGE, fill));

  it('are found alike by the kernel and by the linear scan: what was written, not what was read', async () => {
    await readPlaces(process.pid, [{ address: base, bytes: 64 * PAGE }], Buffer.alloc(64 * PAGE));
    for (const [by, runs] of Object.entries(await scans())) assert.deepEqual(runs, [], by);

    // Runs of 1 to 3 pages, 1,900 of them: more than the kernel's own buffer holds; the ends of the mapping among them.
    const expected: PageRun[] = [{ page: 0, count: 1 }];
    for (let i = 1; i < 1900; i++) expected.push({ page: i * 83, count: 1 + (i % 3) });
    expected.push({ page: PAGES - 2, count: 2 });
    const touched = expected.flatMap(({ page, count }) => Array.from({ length: count }, (_, i) => page + i));
    for (let i = 0; i < touched.length; i += 1000) await touch(touched.slice(i, i + 1000), 'dirty');
    for (const [by, runs] of Object.entries(await scans())) assert.deepEqual(runs, expected, by);
    assert.deepEqual(await dirtyRuns(process.pid, await ramMappings(process.pid, ram)), expected);
  });

  it('are copied out and laid back', async () => {
    const mappings = await ramMappings(process.pid, ram);
    const runs = await dirtyRuns(process.pid, mappings);
    const file = join(dir, 'pages');
    const digest = await copyPages(process.pid, mappings, runs, file);
    await touch(runs.slice(0, 1000).map(({ page }) => page), 'spoiled');
    assert.equal(await layPages(process.pid, ram, runs, file), digest);
    const again = await copyPages(process.pid, mappings, runs, join(dir, 'again'));
    assert.equal(again, digest);
  });

  it('that are not there end a transfer, which never looks whole', async () => {
    await assert.rejects(readPlaces(0x7ffffff, [{ address: base, bytes: PAGE }], Buffer.alloc(PAGE)), /ESRCH/);
    await assert.rejects(readPlaces(process.pid, [{ address: base, bytes: PAGE }, { address: 4096, bytes: PAGE }], Buffer.alloc(2 * PAGE)), /4096 of 8192 bytes/);
  });
});

describe('batches of pages', () => {
  it('hold every page once, in order, within their bounds', () => {
    const mappings = [{ address: 0x10_0000, bytes: 1 << 30, fileOffset: 0 }];
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 700 }))), { maxLength: 300 });
    fc.assert(
      fc.property(gaps, (pairs) => {
        let next = 0;
        const runs = pairs.map(([gap, count]) => {
          const page = next + gap;
          next = page + count;
          return { page, count };
        });
        const seen: number[] = [];
        for (const { places, bytes } of batches(mappings, runs)) {
          assert.ok(bytes > 0 && bytes <= 1024 * 1024 && places.length <= 1024);
          assert.equal(places.reduce((sum, place) => sum + place.bytes, 0), bytes);
          for (const place of places) for (let at = 0; at < place.bytes; at += PAGE) seen.push((place.address + at - 0x10_0000) / PAGE);
        }
        assert.deepEqual(seen, runs.flatMap(({ page, count }) => Array.from({ length: count }, (_, i) => page + i)));
      }),
      { numRuns: 100 },
    );
  });
});
