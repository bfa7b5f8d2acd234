/** One group: a folder of the same name in each hierarchy. */
import { readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '../errors/index.js';
import type { Group } from './contracts.js';
import { OOM_FILE, oomKills, PEAK_FILE } from './files.js';
import type { Hierarchy } from './hierarchies.js';

/** -1000..1000, 0 for the daemon: with this the kernel takes a VM first, whatever its size against the daemon's. */
const OOM_SCORE_ADJ = 500;
/** A group whose last process was just reaped is empty a moment later. */
const REMOVE_TRIES = 40;
const REMOVE_PAUSE_MS = 25;

/** A hierarchy and the folder in it that holds this daemon's groups. */
export interface Place extends Hierarchy {
  readonly parent: string;
}

export class CgroupGroup implements Group {
  constructor(
    readonly name: string,
    private readonly places: readonly Place[],
    private readonly logger: Pick<Logger, 'warn'>,
  ) {}

  async add(pid: number): Promise<void> {
    const writes = [
      ...this.places.map((place) => writeFile(join(place.parent, this.name, 'cgroup.procs'), String(pid))),
      writeFile(`/proc/${pid}/oom_score_adj`, String(OOM_SCORE_ADJ)),
    ];
    for (const result of await Promise.allSettled(writes)) {
      // ESRCH: it has ended already, and whoever watches it knows.
      if (result.status === 'rejected' && !hasCode(result.reason, 'ESRCH', 'ENOENT')) {
        this.logger.warn({ group: this.name, pid, error: messageOf(result.reason) }, 'a VM runs without some of its limits');
      }
    }
  }

  async hitByOomKiller(): Promise<boolean> {
    const text = await this.#readMemory(OOM_FILE);
    return text !== undefined && oomKills(text) > 0;
  }

  async peakMemoryBytes(): Promise<number | undefined> {
    const text = await this.#readMemory(PEAK_FILE);
    return text === undefined ? undefined : Number(text.trim());
  }

  async remove(): Promise<void> {
    await Promise.all(this.places.map((place) => this.#removeFolder(join(place.parent, this.name))));
  }

  /** Unless a process is in it. Answers whether it is gone. */
  async removeIfEmpty(): Promise<boolean> {
    const gone = await Promise.all(this.places.map((place) => rmdir(join(place.parent, this.name)).then(() => true, (error: unknown) => hasCode(error, 'ENOENT'))));
    return gone.every(Boolean);
  }

  async #removeFolder(folder: string): Promise<void> {
    for (let left = REMOVE_TRIES; ; left--) {
      try {
        return await rmdir(folder);
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return;
        if (hasCode(error, 'EBUSY') && left > 1) {
          await sleep(REMOVE_PAUSE_MS);
          continue;
        }
        this.logger.warn({ folder, error: messageOf(error) }, 'a control group is left behind; the next start tries again');
        return;
      }
    }
  }

  /** Undefined: no memory controller, no such file in this kernel, or no such group. */
  async #readMemory(files: { readonly 1: string; readonly 2: string }): Promise<string | undefined> {
    const place = this.places.find(({ controllers }) => controllers.includes('memory'));
    if (place === undefined) return undefined;
    try {
      return await readFile(join(place.parent, this.name, files[place.version]), 'utf8');
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENODEV')) this.logger.warn({ group: this.name, error: messageOf(error) }, 'cannot read a control group');
      return undefined;
    }
  }
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
