import { open, type FileHandle } from 'node:fs/promises';
import { rotated } from './rotating-file.js';

/**
 * The lines of a stream's files, oldest first. All files are opened before the first line is given, so that a
 * rotation meanwhile takes none away; lines written later are not seen.
 */
export async function* readStream(file: string, files: number): AsyncIterable<string> {
  const handles: FileHandle[] = [];
  try {
    for (let n = files - 1; n >= 0; n--) {
      const handle = await openIfThere(rotated(file, n));
      if (handle !== undefined) handles.push(handle);
    }
    for (const handle of handles) yield* handle.readLines({ encoding: 'utf8', autoClose: false });
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
