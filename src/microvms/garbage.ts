/** Folders of MicroVMs that are gone, which could not be removed when they ended. Ids are never given twice. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOnDisk } from '../files/bytes-on-disk.js';
import { ifThere } from '../files/if-there.js';
import { NOTHING, type Garbage, type GarbageSource } from '../gc/contracts.js';
import type { MicrovmDeps } from './deps.js';
import { microvmsDir } from './machine.js';

export function microvmGarbage({ store, dataDir }: Pick<MicrovmDeps, 'store' | 'dataDir'>, isLive: (id: string) => boolean): GarbageSource {
  /** Also by its record: a MicroVM is in the store before it is anywhere. */
  const isGone = (id: string): boolean => !isLive(id) && (store.getMicrovm(id)?.state ?? 'TERMINATED') === 'TERMINATED';
  return async (accountId) => {
    const dir = microvmsDir(dataDir);
    const names = (await ifThere(readdir(dir))) ?? [];
    const gone = names.filter((name) => isGone(name) && (accountId === undefined || store.getMicrovm(name)?.accountId === accountId));
    return Promise.all(
      gone.map(async (name): Promise<Garbage> => {
        const bytes = await bytesOnDisk(join(dir, name));
        const remove = async (): Promise<{ count: number; bytes: number }> => {
          if (!isGone(name)) return NOTHING;
          await rm(join(dir, name), { recursive: true, force: true });
          return { count: 1, bytes };
        };
        return { kind: 'temporary-files', count: 1, bytes, remove };
      }),
    );
  };
}
