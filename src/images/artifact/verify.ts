/** The whole archive, tested as `unzip -t` does, before any VM is started for it. */
import type { ZipFile } from 'yauzl';
import { BuildFailure } from '../failure.js';
import { entryContent } from './content.js';
import { archiveEntries, withZip } from './entries.js';
import type { ArchiveLimits } from './limits.js';
import { checkNoClash, type NamedEntry } from './names.js';
import { refuseArchive, refuseEntry } from './refuse.js';

export interface ArchiveSummary {
  readonly entries: number;
  /** Bytes of all files, unpacked. */
  readonly totalBytes: number;
}

/** Throws ARCHIVE_INVALID or ARCHIVE_DOCKERFILE_NOT_FOUND. Unpacks nothing to disk. */
export async function verifyArchive(path: string, limits: ArchiveLimits, signal: AbortSignal): Promise<ArchiveSummary> {
  const entries = await withZip(path, (zip) => verifyDirectory(zip, limits));
  let totalBytes = 0;
  await withZip(path, async (zip) => {
    for await (const entry of archiveEntries(zip)) {
      if (entry.kind !== 'file') continue;
      // The declared sizes were within the limits, and content stops at the declared size.
      for await (const chunk of entryContent(zip, entry)) totalBytes += chunk.length;
      signal.throwIfAborted();
    }
  });
  return { entries, totalBytes };
}

/** Checks what the central directory declares; returns the number of entries. */
async function verifyDirectory(zip: ZipFile, limits: ArchiveLimits): Promise<number> {
  if (zip.entryCount > limits.maxEntries) {
    throw refuseArchive(`it has ${zip.entryCount} entries; at most ${limits.maxEntries} are allowed.`);
  }
  const names: NamedEntry[] = [];
  let totalBytes = 0;
  let packedBytes = 0;
  let nameBytes = 0;
  for await (const entry of archiveEntries(zip)) {
    totalBytes += entry.size;
    packedBytes += entry.zip.compressedSize;
    nameBytes += Buffer.byteLength(entry.name);
    if (totalBytes > limits.maxTotalBytes) {
      throw refuseEntry(entry.name, `with it the files would be more than ${limits.maxTotalBytes} bytes unpacked, the most allowed.`);
    }
    if (totalBytes > limits.ratioFloorBytes && totalBytes > zip.fileSize * limits.maxRatio) {
      throw refuseEntry(entry.name, `with it the files would be more than ${limits.maxRatio} times the size of the zip.`);
    }
    if (packedBytes > zip.fileSize) throw refuseEntry(entry.name, 'its data overlaps that of other entries.');
    if (nameBytes > limits.maxNameBytes) throw refuseEntry(entry.name, `with it the names are longer than ${limits.maxNameBytes} bytes together.`);
    names.push({ name: entry.name, kind: entry.kind });
  }
  checkNoClash(names);
  if (!names.some(({ name, kind }) => name === 'Dockerfile' && kind === 'file')) {
    throw new BuildFailure('ARCHIVE_DOCKERFILE_NOT_FOUND', 'The code artifact has no file named "Dockerfile" at its root. Zip the folder\'s content, not the folder.');
  }
  return names.length;
}
