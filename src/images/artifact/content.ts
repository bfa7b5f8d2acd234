import { crc32 } from 'node:zlib';
import type { ZipFile } from 'yauzl';
import { messageOf } from '../../errors/index.js';
import type { ArchiveEntry } from './entries.js';
import { refuseEntry } from './refuse.js';

/**
 * The file's bytes. Throws ARCHIVE_INVALID as soon as they exceed the declared size (yauzl counts them), and at the end
 * when they are fewer or their CRC-32 is wrong (yauzl does not look at sums).
 */
export async function* entryContent(zip: ZipFile, entry: ArchiveEntry): AsyncGenerator<Buffer> {
  let sum = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry.zip);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    throw refuseEntry(entry.name, `its data is damaged: ${messageOf(error)}`);
  }
  if (sum !== entry.zip.crc32) throw refuseEntry(entry.name, 'its CRC-32 does not match its data.');
}
