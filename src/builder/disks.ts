/** Disks of a builder: they take room as they are written. */
import { execFile } from 'node:child_process';
import { chmod, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** As the guest sees them, and the template was made with; the largest an image can have. */
export const BUILD_DISK_GIB = 32;

export async function blankDisk(path: string): Promise<void> {
  await writeFile(path, '', { flag: 'wx', mode: 0o600 });
  await truncate(path, BUILD_DISK_GIB * 1024 ** 3);
}

/** A disk of the same size that begins with what is on another. */
export async function copiedDisk(from: string, to: string): Promise<void> {
  await copySparse(from, to);
  await chmod(to, 0o600);
  await truncate(to, BUILD_DISK_GIB * 1024 ** 3);
}

export async function copySparse(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['--sparse=always', '--reflink=auto', from, to]);
}
