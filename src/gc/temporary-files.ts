/**
 * Files that were being written when a daemon died: each is written under a name beside its own first, and renamed
 * when it is whole. They are of the whole host: their names say nothing of whose they are.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock/index.js';
import { ifThere } from '../files/if-there.js';
import { NOTHING, type Garbage, type GarbageSource } from './contracts.js';

/** ms. None is written for so long: whoever writes one renames it at once. */
const DEAD_AFTER_MS = 24 * 3_600_000;
const BLOCK_BYTES = 512;

/** Folders of the data folder, and what names such files have there. `deep`: also in folders below. */
const PLACES: readonly { readonly folder: string; readonly name: RegExp; readonly deep: boolean }[] = [
  { folder: '.', name: /^[a-z.-]+\.(json\.[0-9a-f]{16}|json\.new)$/, deep: false },
  { folder: 'keys', name: /\.[0-9a-f]{16}$/, deep: true },
  { folder: 's3', name: /\.json\.[0-9a-f-]{36}\.tmp$/, deep: true },
  { folder: 'logs', name: /\.json\.[0-9a-f-]{36}\.tmp$/, deep: true },
];

export function temporaryFiles({ dataDir, clock }: { readonly dataDir: string; readonly clock: Pick<Clock, 'now'> }): GarbageSource {
  return async (accountId) => {
    if (accountId !== undefined) return [];
    const found: Garbage[] = [];
    for (const { folder, name, deep } of PLACES) {
      for await (const path of filesIn(join(dataDir, folder), deep)) {
        if (!name.test(path.slice(path.lastIndexOf('/') + 1))) continue;
        const bytes = await deadBytes(path, clock);
        if (bytes === undefined) continue;
        const remove = async (): Promise<{ count: number; bytes: number }> => {
          if ((await deadBytes(path, clock)) === undefined) return NOTHING;
          await rm(path, { force: true });
          return { count: 1, bytes };
        };
        found.push({ kind: 'temporary-files', count: 1, bytes, remove });
      }
    }
    return found;
  };
}

async function deadBytes(path: string, clock: Pick<Clock, 'now'>): Promise<number | undefined> {
  const found = await ifThere(stat(path));
  return found !== undefined && clock.now() - found.mtimeMs > DEAD_AFTER_MS ? found.blocks * BLOCK_BYTES : undefined;
}

async function* filesIn(folder: string, deep: boolean): AsyncGenerator<string> {
  for (const entry of (await ifThere(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (deep && entry.isDirectory()) yield* filesIn(path, deep);
  }
}
