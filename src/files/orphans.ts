/** Removing folders that nobody owns, while somebody may be about to. */
import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './private-files.js';

/** Of folders on the way out: removed whenever one is met. */
const GRAVE = '.gone-';

export function isGrave(name: string): boolean {
  return name.startsWith(GRAVE);
}

/**
 * Removes the folder if `isOrphan` says so. The question and the move out of the way are one turn of the event loop:
 * nobody can begin to use it between them. `yard`: folder of the same file system that takes it meanwhile. false: it
 * is somebody's after all, or gone.
 */
export async function removeOrphan(folder: string, yard: string, isOrphan: () => boolean): Promise<boolean> {
  if (!isOrphan()) return false;
  const grave = join(yard, `${GRAVE}${randomUUID()}`);
  try {
    renameSync(folder, grave);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  await rm(grave, { recursive: true, force: true });
  return true;
}
