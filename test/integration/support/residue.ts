/** What a service may leave on the host, counted: nothing is right. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runDirOf } from '../../../src/daemon/lock.js';
import { findVmms } from '../../../src/engine/qemu/survivors.js';
import type { Service } from './service.js';

const run = promisify(execFile);

export interface Residue {
  readonly vmms: number;
  /** What waits for each of them. */
  readonly launchers: number;
  readonly namespaces: number;
  readonly links: number;
  readonly taps: number;
  readonly mounts: number;
  readonly loops: number;
  readonly cgroups: number;
  readonly nftTables: number;
  /** Folders of MicroVMs below the data folder. */
  readonly vmFolders: number;
}

/** Control groups outlive namespaces and whoever was killed in them: what was there before this process is not its own. */
const cgroupsBefore = new Set(await cgroupFolders());

async function cgroupFolders(): Promise<string[]> {
  return (await run('sh', ['-c', 'find /sys/fs/cgroup -type d -iname "*tardigrade*" 2>/dev/null'])).stdout.split('\n').filter(Boolean);
}

/** Everything that Tardigrade could have made on this host, whichever service did. */
export async function residue(service?: Pick<Service, 'config'>): Promise<Residue> {
  const [pids, launchers, netns, links, taps, mounts, loops, tables] = await Promise.all([
    vmmPids(),
    pidsOf((cmdline) => cmdline.includes('tardigrade-jail\0/run/tardigrade/')),
    lines('ip', ['netns', 'list']),
    lines('ip', ['-o', 'link', 'show']),
    lines('ip', ['tuntap', 'list']),
    readFile('/proc/mounts', 'utf8'),
    readFile('/proc/partitions', 'utf8'),
    lines('nft', ['list', 'tables']),
  ]);
  return {
    vmms: pids.length,
    launchers: launchers.length,
    namespaces: netns.filter((line) => line.startsWith('tdg-')).length,
    links: links.filter((line) => /^\d+: tdg/.test(line)).length,
    taps: taps.length,
    mounts: mounts.split('\n').filter((line) => line.includes('tardigrade')).length,
    loops: loops.split('\n').filter((line) => /\bloop\d+$/.test(line)).length,
    cgroups: (await cgroupFolders()).filter((folder) => !cgroupsBefore.has(folder)).length,
    nftTables: tables.filter((line) => line.includes('tardigrade_')).length,
    vmFolders: service === undefined ? 0 : (await readdir(join(service.config.dataDir, 'microvms')).catch(() => [])).length,
  };
}

/** The VMM of one of the service's MicroVMs, and its launcher, which is in the network namespace of its link. */
export async function vmmOf(service: Pick<Service, 'config'>, id: string): Promise<{ readonly pid: number; readonly launcher: number }> {
  const { pid, launcher } = (await findVmms(await runDirOf(service.config.dataDir))).get(id) ?? {};
  if (pid === undefined || launcher === undefined) throw new Error(`no VMM of ${id}`);
  return { pid, launcher };
}

/** VMMs of any Tardigrade on this host, by the descriptors they are given. */
export function vmmPids(): Promise<number[]> {
  return pidsOf((cmdline) => cmdline.includes('qemu-system') && cmdline.includes('/dev/fdset/'));
}

async function pidsOf(matches: (cmdline: string) => boolean): Promise<number[]> {
  const pids: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (matches(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''))) pids.push(Number(pid)); // '': gone meanwhile
  }
  return pids;
}

async function lines(program: string, args: readonly string[]): Promise<string[]> {
  return (await run(program, args)).stdout.split('\n').filter(Boolean);
}
