/**
 * The daemon's groups: `<hierarchy>/tardigrade-<tag>/<name>`, at the root and not below the daemon's own group, whose end
 * VMs survive. The tag tells daemons on one host apart.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Fault, messageOf } from '../errors/index.js';
import type { Cgroups, Controller } from './contracts.js';
import { settings } from './files.js';
import { CgroupGroup, hasCode, type Place } from './group.js';
import { findHierarchies, type Hierarchy, readProcFiles } from './hierarchies.js';

export interface CgroupsOptions {
  /** Tells this daemon's groups from those of others on the host, e.g. its run folder. */
  readonly owner: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** Default: what the host has mounted. */
  readonly hierarchies?: readonly Hierarchy[];
}

const ALL: readonly Controller[] = ['cpu', 'memory', 'pids'];

export async function openCgroups(options: CgroupsOptions): Promise<Cgroups> {
  const { logger } = options;
  const folder = `tardigrade-${createHash('sha256').update(options.owner).digest('hex').slice(0, 5)}`;
  const reasons: string[] = [];
  const hierarchies = options.hierarchies ?? (await findHierarchies(await readProcFiles()));
  const places: Place[] = [];
  for (const hierarchy of hierarchies) {
    try {
      places.push(await prepare(hierarchy, folder));
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  const controllers = ALL.filter((controller) => places.some((place) => place.controllers.includes(controller)));
  const without = ALL.filter((controller) => !controllers.includes(controller));
  if (without.length > 0) {
    logger.warn({ without, reasons }, `VMs run without limits of ${without.join(', ')}: the host's control groups do not offer them, or cannot be written`);
  }
  /** Files that could not be written, so that each is told once and not with each VM. */
  const told = new Set<string>();

  const write = async (place: Place, name: string, file: string, value: string): Promise<void> => {
    try {
      await writeFile(join(place.parent, name, file), value);
    } catch (error) {
      if (told.has(file)) return;
      told.add(file);
      logger.warn({ file, value, error: messageOf(error) }, 'a limit of VMs cannot be set; this is said once');
    }
  };

  const find = (name: string): CgroupGroup => {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) throw new Fault(`'${name}' cannot name a control group`);
    return new CgroupGroup(name, places, logger);
  };

  const names = async (): Promise<string[]> => {
    const found = await Promise.all(places.map(({ parent }) => subfolders(parent)));
    return [...new Set(found.flat())].sort();
  };
  const leftovers = new Set(await names());

  return {
    controllers,
    find,
    async create(name, limits) {
      const group = find(name);
      leftovers.delete(name);
      await Promise.all(
        places.map(async (place) => {
          try {
            await makeFolder(join(place.parent, name));
          } catch (error) {
            if (!told.has(place.parent)) logger.warn({ folder: place.parent, error: messageOf(error) }, 'a control group cannot be made; this is said once');
            told.add(place.parent);
            return;
          }
          const own = settings(place.version, limits).filter(({ controller }) => place.controllers.includes(controller));
          // In order: the quota's period must be there before a quota that only fits it.
          for (const { file, value } of own) await write(place, name, file, value);
        }),
      );
      return group;
    },
    names,
    async sweep() {
      const gone = await Promise.all([...leftovers].map((name) => find(name).removeIfEmpty()));
      return gone.filter(Boolean).length;
    },
    async close() {
      // Not empty: VMs go on, and the next daemon finds their groups here.
      for (const { parent } of places) await rmdir(parent).catch((error: unknown) => {
        if (!hasCode(error, 'EBUSY', 'ENOTEMPTY', 'ENOENT')) logger.warn({ folder: parent, error: messageOf(error) }, 'cannot remove the folder of control groups');
      });
    },
  };
}

/** Makes the daemon's folder. Throws when the hierarchy cannot be written. */
async function prepare(hierarchy: Hierarchy, folder: string): Promise<Place> {
  const parent = join(hierarchy.root, folder);
  await makeFolder(parent);
  if (hierarchy.version === 1) return { ...hierarchy, parent };
  // v2: each level hands its controllers down. One that cannot be handed down must not cost us the others.
  const usable: Controller[] = [];
  for (const controller of hierarchy.controllers) {
    try {
      for (const level of [hierarchy.root, parent]) await writeFile(join(level, 'cgroup.subtree_control'), `+${controller}`);
      usable.push(controller);
    } catch (error) {
      if (!hasCode(error, 'EBUSY', 'ENOENT', 'EACCES', 'EROFS', 'EPERM', 'EOPNOTSUPP', 'EINVAL')) throw error;
    }
  }
  return { ...hierarchy, controllers: usable, parent };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
  });
}

async function subfolders(parent: string): Promise<string[]> {
  try {
    return (await readdir(parent, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
