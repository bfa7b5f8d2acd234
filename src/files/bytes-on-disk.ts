import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** stat(2): `blocks` are of 512 bytes, whatever the file system's are. */
const BLOCK_BYTES = 512;

/** Bytes that a folder's files take on disk, holes not counted. What is not there takes none. */
export async function bytesOnDisk(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const sizes = await Promise.all(entries.map((entry) => (entry.isDirectory() ? bytesOnDisk : fileBytes)(join(folder, entry.name))));
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  } catch (error) {
    return zeroIfGone(error);
  }
}

async function fileBytes(path: string): Promise<number> {
  try {
    const { blocks } = await stat(path);
    return blocks * BLOCK_BYTES;
  } catch (error) {
    return zeroIfGone(error);
  }
}

/** Removed meanwhile. */
function zeroIfGone(error: unknown): 0 {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
  throw error;
}
