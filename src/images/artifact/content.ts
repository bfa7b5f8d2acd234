import { crc32 } from 'node:zlib';
import type { ZipFile } from 'yauzl';
import { messageOf } from '../../errors/index.js';
import type { ArchiveEntry } from './entries.js';
import { refuseEntry } from './refuse.js';

/**
 * The file's bytes. Throws ARCHIVE_INVALID as soon as they exceed the declared size, and at the end when they are
 * fewer or their CRC-32 is wrong (yauzl checks sizes, not sums).
 */
export async function* entryContent(zip: ZipFile, entry: ArchiveEntry): AsyncGenerator<Buffer> {
  let bytes = 0;
  let sum = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry.zip);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > entry.size) break;
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    throw refuseEntry(entry.name, `its data is damaged: ${messageOf(error)}`);
  }
  if (bytes !== entry.size) throw refuseEntry(entry.name, `it declares ${entry.size} bytes and holds ${bytes > entry.size ? 'more' : String(bytes)}.`);
  if (sum !== entry.zip.crc32) throw refuseEntry(entry.name, 'its CRC-32 does not match its data.');
}
