/** An ext4 of its own with the feature `encrypt`, in a file: what is on its disk can be searched. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface EncryptingDisk {
  readonly root: string;
  /** Are these bytes anywhere on the disk, once all is written? */
  holds(bytes: Buffer): Promise<boolean>;
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
    holds: async (bytes) => {
      await run('sync', ['-f', root]);
      return contains(image, bytes);
    },
    remove: async () => {
      await run('umount', [root]);
      await rm(dir, { recursive: true });
    },
  };
}

/** Is that anywhere in the file, also across what is read at a time? */
export async function contains(path: string, bytes: Buffer): Promise<boolean> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 ** 2 }) as AsyncIterable<Buffer>) {
    const window = Buffer.concat([rest, chunk]);
    if (window.includes(bytes)) return true;
    rest = window.subarray(Math.max(0, window.length - bytes.length + 1));
  }
  return false;
}
