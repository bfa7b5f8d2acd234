/**
 * Layer caches: one disk per account, which that account's builds alone are given, one build at a time. The host never
 * looks into it, as builds are untrusted: whatever is on it was written by the same account.
 *
 *   <dir>/<accountId>/layers.raw    sparse
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifThere } from '../files/if-there.js';
import { NOTHING, type Garbage, type GarbageSource } from '../gc/contracts.js';
import { blankDisk } from './disks.js';

/** A cache disk for one build. Exactly one of the two is to be called, once, when no VM has it any more. */
export interface CacheLease {
  readonly path: string;
  /** The build left it whole: the account's next build begins with it. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

export interface LayerCachesOptions {
  readonly dir: string;
  /** What a cache may hold on this host between builds; 0: nothing is kept. */
  readonly maxBytes: number;
  /** Called with each account's folder when it is made, e.g. to have it encrypted. */
  readonly prepare?: (accountId: string, folder: string) => Promise<void>;
}

/** Bytes of what stat(2) counts as a block. */
const BLOCK = 512;

export class LayerCaches {
  readonly maxBytes: number;
  readonly #inUse = new Set<string>();

  constructor(private readonly options: LayerCachesOptions) {
    this.maxBytes = options.maxBytes;
  }

  /** While another build of the account has the cache, and for the first build, a blank one in `workDir`. */
  async lease(accountId: string, workDir: string): Promise<CacheLease> {
    const kept = join(this.options.dir, accountId, 'layers.raw');
    const path = join(workDir, 'cache.raw');
    const mine = this.maxBytes > 0 && !this.#inUse.has(accountId);
    if (mine) this.#inUse.add(accountId);
    try {
      // Moved, not shared: what a daemon that dies now leaves goes with the build's folder, and no half-written cache stays.
      if (!(mine && (await moved(kept, path)))) await blankDisk(path);
    } catch (error) {
      if (mine) this.#inUse.delete(accountId);
      throw error;
    }
    if (!mine) return { path, keep: () => rm(path), drop: () => rm(path) };
    const giveBack = async (keep: boolean): Promise<void> => {
      try {
        if (keep && (await stat(path)).blocks * BLOCK <= this.maxBytes) {
          await this.#makeFolder(accountId, dirname(kept));
          await rename(path, kept);
        } else {
          await rm(path);
        }
      } finally {
        this.#inUse.delete(accountId);
      }
    };
    return { path, keep: () => giveBack(true), drop: () => giveBack(false) };
  }

  /** What is kept between builds: without it the next one takes longer. A build that runs has its cache elsewhere. */
  readonly garbage: GarbageSource = async (accountId) => {
    const accounts = accountId === undefined ? ((await ifThere(readdir(this.options.dir))) ?? []) : [accountId];
    const kept = await Promise.all(
      accounts.map(async (account): Promise<Garbage[]> => {
        const path = join(this.options.dir, account, 'layers.raw');
        const found = await ifThere(stat(path));
        if (found === undefined) return [];
        const amount = { count: 1, bytes: found.blocks * BLOCK };
        return [{ kind: 'build-cache', ...amount, remove: async () => ((await ifThere(rm(path).then(() => true))) === true ? amount : NOTHING) }];
      }),
    );
    return kept.flat();
  };

  async #makeFolder(accountId: string, folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await this.options.prepare?.(accountId, folder);
  }
}

/** false: there is none, or it is from before its account's files were encrypted, and is given up. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'EXDEV') throw error;
    await rm(from);
    return false;
  }
}
