/** Which cgroup hierarchies the host has mounted, and which controller is to be found in which. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Controller } from './contracts.js';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** Where it is mounted. */
  readonly root: string;
  /** Those we use. None: only there to get a process out of its service's group. */
  readonly controllers: readonly Controller[];
}

const CONTROLLERS: readonly Controller[] = ['cpu', 'memory', 'pids'];

interface Mount {
  readonly root: string;
  readonly type: string;
  /** Options of the file system: for cgroup v1 they name its controllers. */
  readonly options: readonly string[];
}

/** Files of procfs, so that tests can lay their own. */
export interface ProcFiles {
  readonly mountinfo: string;
  /** Groups of this process, one line for each hierarchy. */
  readonly ownGroups: string;
  readonly readControllers: (root: string) => Promise<string>;
}

export async function readProcFiles(): Promise<ProcFiles> {
  const [mountinfo, ownGroups] = await Promise.all([readFile('/proc/self/mountinfo', 'utf8'), readFile('/proc/self/cgroup', 'utf8')]);
  return { mountinfo, ownGroups, readControllers: (root) => readFile(join(root, 'cgroup.controllers'), 'utf8') };
}

export async function findHierarchies(files: ProcFiles): Promise<Hierarchy[]> {
  const mounts = parseMounts(files.mountinfo);
  const found: Hierarchy[] = [];
  const missing = new Set(CONTROLLERS);
  // A controller is in one hierarchy only; a hierarchy may be mounted twice, and the later mount hides the earlier.
  for (const mount of mounts.filter(({ type }) => type === 'cgroup').reverse()) {
    const controllers = CONTROLLERS.filter((controller) => mount.options.includes(controller) && missing.delete(controller));
    if (controllers.length > 0) found.push({ version: 1, root: mount.root, controllers });
  }
  const unified = mounts.findLast(({ type }) => type === 'cgroup2');
  if (unified !== undefined) {
    const offered = (await files.readControllers(unified.root)).trim().split(/\s+/);
    const controllers = CONTROLLERS.filter((controller) => offered.includes(controller) && missing.delete(controller));
    if (controllers.length > 0 || inService(files.ownGroups, '')) found.push({ version: 2, root: unified.root, controllers });
  }
  const systemd = mounts.findLast(({ type, options }) => type === 'cgroup' && options.includes('name=systemd'));
  if (systemd !== undefined && inService(files.ownGroups, 'name=systemd')) found.push({ version: 1, root: systemd.root, controllers: [] });
  return found;
}

/**
 * A service manager ends all processes of a service by the group it tracks them with, in a hierarchy that need not have
 * controllers. VMs outlive their daemon, so they must leave that group if there is one.
 */
function inService(ownGroups: string, hierarchy: string): boolean {
  return ownGroups.split('\n').some((line) => {
    const [, names, ...path] = line.split(':');
    return names === hierarchy && path.join(':') !== '/' && path.length > 0;
  });
}

/** proc(5): `31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu`; optional fields before the dash. */
function parseMounts(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter((line) => line.includes(' - cgroup'))
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [type = '', , options = ''] = right.split(' ');
      return { root: unescape(left.split(' ')[4] ?? ''), type, options: options.split(',') };
    });
}

/** The kernel writes a space in a path as \040. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
