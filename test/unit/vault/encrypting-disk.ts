/** An ext4 of its own with the feature `encrypt`, in a file: what is on its disk can be searched. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import koffi from 'koffi';

const run = promisify(execFile);

export interface EncryptingDisk {
  readonly root: string;
  /** Which of these are anywhere on the disk, once all is written? */
  holding(needles: readonly string[]): Promise<string[]>;
  remove(): Promise<void>;
}

/** Rejects where loop devices or mounts are not allowed. */
export async function makeEncryptingDisk(mib: number, features = 'encrypt'): Promise<EncryptingDisk> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-disk-'));
  const image = join(dir, 'image');
  const root = join(dir, 'root');
  await mkdir(root);
  await writeFile(image, '');
  await truncate(image, mib * 1024 ** 2);
  try {
    await run('mkfs.ext4', ['-q', '-F', ...(features === '' ? [] : ['-O', features]), image]);
    await run('mount', ['-o', 'loop', image, root]);
  } catch (error) {
    await rm(dir, { recursive: true });
    throw error;
  }
  return {
    root,
    holding: async (needles) => {
      await run('sync', ['-f', root]);
      const found = await findIn(image, needles.map((needle) => Buffer.from(needle)));
      return needles.filter((_, i) => found[i]);
    },
    remove: async () => {
      await run('umount', [root]);
      await rm(dir, { recursive: true });
    },
  };
}

const CHUNK = 1024 ** 2;

/** For each of these whether it is anywhere in the file, also across what is read at a time. */
export async function findIn(path: string, needles: readonly Buffer[]): Promise<boolean[]> {
  const found = needles.map(() => false);
  const overlap = Math.max(...needles.map((needle) => needle.length)) - 1;
  const zeros = Buffer.alloc(CHUNK);
  // What reaches into a hole is found too.
  for (const { start, end } of await dataOf(path)) {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of createReadStream(path, { start: Math.max(0, start - overlap), end: end - 1 + overlap, highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
      // Much of a memory or a disk is zeros, and the search is slow.
      if (rest.length === 0 && chunk.equals(zeros.subarray(0, chunk.length))) continue;
      const window = Buffer.concat([rest, chunk]);
      needles.forEach((needle, i) => (found[i] ||= window.includes(needle)));
      rest = window.subarray(Math.max(0, window.length - overlap));
      if (!rest.some((byte) => byte !== 0)) rest = rest.subarray(rest.length);
    }
  }
  return found;
}

const lseek = koffi.load('libc.so.6').func('int64_t lseek(int fd, int64_t offset, int whence)') as (fd: number, offset: number, whence: number) => number;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** What of a sparse file is no hole. */
async function dataOf(path: string): Promise<{ readonly start: number; readonly end: number }[]> {
  const file = await open(path);
  try {
    const parts: { start: number; end: number }[] = [];
    for (let at = 0; ; ) {
      const start = lseek(file.fd, at, SEEK_DATA);
      if (start < 0) return parts; // ENXIO: none after that
      at = lseek(file.fd, start, SEEK_HOLE);
      parts.push({ start, end: at });
    }
  } finally {
    await file.close();
  }
}
