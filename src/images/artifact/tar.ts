/** A verified zip as a tar stream. Nothing is unpacked on the host: bytes go from the zip to the builder's guest. */
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import { entryContent } from './content.js';
import { archiveEntries, withZip, type ArchiveEntry } from './entries.js';

/**
 * Uncompressed tar, owner root. Errors arrive as the stream's `error`; destroying the stream releases the zip.
 * The same zip gives the same bytes.
 */
export function archiveAsTar(path: string): Readable {
  const out = new PassThrough();
  const tar = pack();
  // A failure of either side is out's error already; pipeline's promise repeats it.
  pipeline(tar, out).catch(() => undefined);
  writeEntries(path, tar).then(
    () => tar.finalize(),
    (error: unknown) => out.destroy(error as Error),
  );
  return out;
}

async function writeEntries(path: string, tar: Pack): Promise<void> {
  await withZip(path, async (zip) => {
    for await (const entry of archiveEntries(zip)) {
      if (entry.name === '') continue; // the root folder exists already
      if (entry.kind === 'directory') tar.entry(header(entry));
      else await pipeline(entryContent(zip, entry), tar.entry(header(entry)));
    }
  });
}

function header(entry: ArchiveEntry): Partial<Header> & Pick<Header, 'name'> {
  return {
    name: entry.kind === 'directory' ? `${entry.name}/` : entry.name,
    type: entry.kind,
    mode: entry.mode,
    mtime: entry.mtime,
    size: entry.size,
    uid: 0,
    gid: 0,
  };
}
