/** Blank disks of a builder: they take room as they are written. */
import { truncate, writeFile } from 'node:fs/promises';

/** As the guest sees them, and the template was made with; the largest an image can have. */
export const BUILD_DISK_GIB = 32;

export async function blankDisk(path: string): Promise<void> {
  await writeFile(path, '', { flag: 'wx', mode: 0o600 });
  await truncate(path, BUILD_DISK_GIB * 1024 ** 3);
}
