/** A folder as a zip in memory, files at its root. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

export async function zipFolder(folder: string): Promise<Buffer> {
  const zip = new ZipFile();
  for (const name of (await readdir(folder)).sort()) zip.addFile(join(folder, name), name);
  zip.end();
  return buffer(zip.outputStream);
}
