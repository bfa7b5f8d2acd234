/** Entries of a zip's central directory, each checked on its own. */
import { openPromise, getFileNameLowLevel, type Entry, type ZipFile } from 'yauzl';
import { messageOf } from '../../errors/index.js';
import { safeName } from './names.js';
import { refuseArchive, refuseEntry } from './refuse.js';

export interface ArchiveEntry {
  /** Relative path; "" for the root folder. */
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Permission bits; set-id and sticky bits are dropped. */
  readonly mode: number;
  readonly mtime: Date;
  /** Declared bytes, unpacked. */
  readonly size: number;
  readonly zip: Entry;
}

/** Opens the zip, gives it to `use`, and closes it. Throws ARCHIVE_INVALID when it is no zip. */
export async function withZip<T>(path: string, use: (zip: ZipFile) => Promise<T>): Promise<T> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { autoClose: false, decodeStrings: false });
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error; // the host's file, not its content
    throw refuseArchive(`it is not a readable zip file: ${messageOf(error)}`, error);
  }
  // Errors reach us through eachEntry and the entries' streams; a late one must not end the process.
  zip.on('error', () => undefined);
  try {
    return await use(zip);
  } finally {
    zip.close();
  }
}

/** Walks the central directory once. Throws ARCHIVE_INVALID at the first bad entry. */
export async function* archiveEntries(zip: ZipFile): AsyncGenerator<ArchiveEntry> {
  const entries = zip.eachEntry();
  for (;;) {
    let next: IteratorResult<Entry, unknown>;
    try {
      next = await entries.next();
    } catch (error) {
      throw refuseArchive(`its directory is damaged: ${messageOf(error)}`, error);
    }
    if (next.done === true) return;
    yield checkedEntry(next.value);
  }
}

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

function checkedEntry(entry: Entry): ArchiveEntry {
  // strictFileNames: keep backslashes, so that we see and refuse them.
  const raw = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
  const name = safeName(raw);
  if (entry.isEncrypted()) throw refuseEntry(raw, 'it is encrypted; zip it without a password.');
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw refuseEntry(raw, `compression method ${entry.compressionMethod} is not supported; use deflate (8) or none (0).`);
  }
  const unixMode = entry.externalFileAttributes >>> 16; // zero when the zip was not made on a Unix
  const type = unixMode & S_IFMT;
  if (type !== 0 && type !== S_IFREG && type !== S_IFDIR) {
    throw refuseEntry(raw, 'only files and folders are allowed, not symbolic links, devices, pipes or sockets.');
  }
  const directory = raw.endsWith('/');
  if (type === (directory ? S_IFREG : S_IFDIR)) throw refuseEntry(raw, 'its name and its type disagree on whether it is a folder.');
  if (directory && entry.uncompressedSize > 0) throw refuseEntry(raw, 'a folder must not have content.');
  if (!directory && name === '') throw refuseEntry(raw, 'a file must have a name.');
  return {
    name,
    kind: directory ? 'directory' : 'file',
    mode: (unixMode & 0o777) || (directory ? 0o755 : 0o644),
    mtime: modified(entry),
    size: entry.uncompressedSize,
    zip: entry,
  };
}

/** Zip times have no zone; UTC makes builds reproducible across hosts. Tar holds whole seconds from 1970 on. */
function modified(entry: Entry): Date {
  const ms = entry.getLastModDate({ timezone: 'UTC' }).getTime();
  return new Date(Number.isFinite(ms) ? Math.max(0, Math.floor(ms / 1000) * 1000) : 0);
}
