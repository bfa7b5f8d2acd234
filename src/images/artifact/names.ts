/** Names of zip entries: which are safe to hand to the builder. */
import { refuseEntry } from './refuse.js';

/** Linux limits, in bytes: PATH_MAX and NAME_MAX. */
const MAX_PATH = 4096;
const MAX_COMPONENT = 255;

/**
 * The entry's path relative to the archive's root, without `.` and empty components or a trailing slash; "" is the root.
 * Throws ARCHIVE_INVALID for a name that could leave the root or that Linux cannot hold.
 */
export function safeName(raw: string): string {
  if (raw.includes('\0')) throw refuseEntry(raw, 'a name must not contain a NUL byte.');
  if (raw.includes('\\')) throw refuseEntry(raw, 'a name must use "/" between folders, not a backslash.');
  if (raw.startsWith('/')) throw refuseEntry(raw, 'a name must be relative, not start with "/".');
  if (/^[A-Za-z]:/.test(raw)) throw refuseEntry(raw, 'a name must be relative, not start with a drive letter.');
  const parts = raw.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuseEntry(raw, 'a name must not contain "..".');
  if (parts.some((part) => Buffer.byteLength(part) > MAX_COMPONENT)) {
    throw refuseEntry(raw, `each part of a name must be at most ${MAX_COMPONENT} bytes long.`);
  }
  const name = parts.join('/');
  if (Buffer.byteLength(name) >= MAX_PATH) throw refuseEntry(raw, `a name must be shorter than ${MAX_PATH} bytes.`);
  return name;
}

export interface NamedEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** Throws ARCHIVE_INVALID when two entries share a path or a file is also used as a folder. */
export function checkNoClash(entries: readonly NamedEntry[]): void {
  // With NUL in place of "/" a path sorts directly before everything beneath it.
  const sorted = entries
    .map(({ name, kind }) => ({ key: name.replaceAll('/', '\0'), name, kind }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  for (const [index, entry] of sorted.entries()) {
    const previous = sorted[index - 1];
    if (previous === undefined) continue;
    if (previous.key === entry.key) throw refuseEntry(entry.name, 'the archive has more than one entry of that name.');
    if (previous.kind === 'file' && entry.key.startsWith(`${previous.key}\0`)) {
      throw refuseEntry(previous.name, `it is a file, but ${JSON.stringify(entry.name)} uses it as a folder.`);
    }
  }
}
