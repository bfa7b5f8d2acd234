/** What a process read of a file is written down, and read into the page cache again when it is asked for. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import koffi from 'koffi';
import { posixFadvise } from '../../../src/engine/linux/libc.js';
import { canScan } from '../../../src/engine/linux/pagemap-scan.js';
import { readPlaces } from '../../../src/engine/linux/process-memory.js';
import { prefetchWorkingSet, recordWorkingSet } from '../../../src/engine/snapshot/working-set.js';

const libc = koffi.load(null);
const mmap = libc.func('intptr_t mmap(intptr_t address, size_t length, int protection, int flags, int fd, long offset)') as unknown as (...args: number[]) => number;
const munmap = libc.func('int munmap(intptr_t address, size_t length)') as unknown as (...args: number[]) => number;
const PAGE = 4096;
const PAGES = 4096;
const POSIX_FADV_DONTNEED = 4;

describe('working set', () => {
  let template: string;
  let ram: string;
  before(async () => {
    template = await mkdtemp(join(tmpdir(), 'tardigrade-working-set-'));
    ram = join(template, 'ram');
    await writeFile(ram, Buffer.alloc(PAGES * PAGE, 'template'), { flush: true });
  });
  after(() => rm(template, { recursive: true }));

  it('of a template that was never launched is nothing, and no error', () => prefetchWorkingSet(template));

  it('is what was touched, and comes back into the page cache', async (t) => {
    if (!(await canScan())) return t.skip('this kernel has no PAGEMAP_SCAN: nothing is recorded');
    const file = await open(ram, 'r+');
    const base = mmap(0, PAGES * PAGE, 3, 2, file.fd, 0); // PROT_READ | PROT_WRITE, MAP_PRIVATE
    const touched = [0, 40, 1000, 1001, 4095];
    await readPlaces(process.pid, touched.map((page) => ({ address: base + page * PAGE, bytes: PAGE })), Buffer.alloc(touched.length * PAGE));
    await recordWorkingSet(process.pid, template);
    munmap(base, PAGES * PAGE);
    assert.deepEqual((await readdir(template)).toSorted(), ['ram', 'working-set.json']);
    const ranges = JSON.parse(await readFile(join(template, 'working-set.json'), 'utf8')) as [number, number][];
    const covers = (page: number): boolean => ranges.some(([first, count]) => page >= first && page < first + count);
    assert.deepEqual(touched.filter((page) => !covers(page)), []);
    assert.ok(!covers(500) && !covers(3000), JSON.stringify(ranges));

    await posixFadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED);
    await file.close();
    await prefetchWorkingSet(template);
    const { stdout } = await promisify(execFile)('fincore', ['--noheadings', '--bytes', '--output', 'pages', ram]);
    const wanted = ranges.reduce((sum, [, count]) => sum + count, 0);
    assert.ok(Number(stdout) >= wanted, `${stdout.trim()} pages in the page cache, ${wanted} were asked for`);
  });
});
