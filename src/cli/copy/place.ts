/** Names and places of a copy, by the rules of cp(1). */
import { lstat, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Stats } from 'node:fs';

/** What an archive calls what it was made of: `.` stands for the content of a folder, as in `/srv/.` and `/`. */
export function rootName(path: string): string {
  return path === '.' || path.endsWith('/.') ? '.' : basename(resolve(path)) || '.';
}

/** Where the archive's root goes: into `path` if that is a folder, else under its name. */
export async function placeFor(path: string, root: string, isFolder: boolean): Promise<string> {
  const info = await ifExists(stat(path));
  if (info?.isDirectory() === true) return join(path, root);
  if (info !== undefined && isFolder) throw new Error(`${path} is a file, and a folder cannot be copied over it`);
  if (path.endsWith('/') && !isFolder) throw new Error(`there is no folder ${path}`);
  const parent = dirname(path);
  if ((await ifExists(stat(parent)))?.isDirectory() !== true) throw new Error(`there is no folder ${parent}`);
  return path.replace(/\/+$/, '');
}

export function ifExists(stats: Promise<Stats>): Promise<Stats | undefined> {
  return stats.catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Of the path itself, also when it is a link. */
export function ownStats(path: string): Promise<Stats | undefined> {
  return ifExists(lstat(path));
}
