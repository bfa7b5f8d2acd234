import { createHash } from 'node:crypto';

/** Longest encoded name kept as it is, in bytes; below the 255 of Linux. */
const MAX_NAME = 200;

/**
 * A name as one path component: letters, digits, `_` and `-` stay, every other byte of its UTF-8 becomes `%XX`.
 * So there is no `/`, no `.` and no `..`, and two names never meet. Longer ones are cut and told apart by a hash
 * behind `~`, which the encoding itself never yields; the folder's own file holds the name.
 */
export function encodeName(name: string): string {
  const encoded = Array.from(Buffer.from(name, 'utf8'), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  if (encoded.length > 0 && encoded.length <= MAX_NAME) return encoded;
  return `${encoded.slice(0, MAX_NAME / 2)}~${createHash('sha256').update(name).digest('hex')}`;
}

/** By code unit, the order of every listing here. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
