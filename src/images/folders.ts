/**
 * Where an image's files are:
 *
 *   <dataDir>/images/<accountId>/<name>/<version>/
 *     disk.raw    the container's root; the template refers to it, so it never moves
 *     template/   RAM, device state, manifest
 *     work/       artifact, builder's folder, VMs of the build; gone when the build ends
 */
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface VersionFolders {
  readonly root: string;
  readonly disk: string;
  readonly template: string;
  readonly work: string;
}

/** Account ids and names hold no path separators: both come from checked shapes. */
export function imageFolder(dataDir: string, accountId: string, name: string): string {
  return join(dataDir, 'images', accountId, name);
}

export function versionFolders(dataDir: string, accountId: string, name: string, version: string): VersionFolders {
  const root = join(imageFolder(dataDir, accountId, name), version);
  return { root, disk: join(root, 'disk.raw'), template: join(root, 'template'), work: join(root, 'work') };
}

/** Makes them new, without what an earlier build of the same name may have left. `protect`: told of the root while it is empty. */
export async function createFolders(folders: VersionFolders, protect?: (root: string) => Promise<void>): Promise<void> {
  await rm(folders.root, { recursive: true, force: true });
  await mkdir(folders.root, { recursive: true, mode: 0o700 });
  await protect?.(folders.root);
  await mkdir(folders.template, { mode: 0o700 });
  await mkdir(folders.work, { mode: 0o700 });
}

/** Removes the version's files, and the image's folder when no other version is in it. */
export async function removeFolders(folders: VersionFolders): Promise<void> {
  await rm(folders.root, { recursive: true, force: true });
  await rmdir(dirname(folders.root)).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  });
}
