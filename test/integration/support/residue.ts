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

type Named = Readonly<Record<Exclude<keyof Residue, 'vmFolders'>, readonly string[]>>;

/** What was there before this process is not its own: control groups outlive whoever was killed in them, and another service may run. */
const before = await named();

/** Everything that Tardigrade could have made on this host since this process began, whichever service did. */
export async function residue(service?: Pick<Service, 'config'>): Promise<Residue> {
  const now = await named();
  const count = (kind: keyof Named): number => now[kind].filter((name) => !before[kind].includes(name)).length;
  return {
    vmms: count('vmms'),
    launchers: count('launchers'),
    namespaces: count('namespaces'),
    links: count('links'),
    taps: count('taps'),
    mounts: count('mounts'),
    loops: count('loops'),
    cgroups: count('cgroups'),
    nftTables: count('nftTables'),
    vmFolders: service === undefined ? 0 : (await readdir(join(service.config.dataDir, 'microvms')).catch(() => [])).length,
  };
}

async function named(): Promise<Named> {
  const [vmms, launchers, netns, links, taps, mounts, loops, cgroups, tables] = await Promise.all([
    vmmPids(),
    pidsOf((cmdline) => cmdline.includes('tardigrade-jail\0/run/tardigrade/')),
    lines('ip', ['netns', 'list']),
    lines('ip', ['-o', 'link', 'show']),
    lines('ip', ['tuntap', 'list']),
    readFile('/proc/mounts', 'utf8'),
    readFile('/proc/partitions', 'utf8'),
    lines('sh', ['-c', 'find /sys/fs/cgroup -type d -iname "*tardigrade*" 2>/dev/null']),
    lines('nft', ['list', 'tables']),
  ]);
  return {
    vmms,
    launchers,
    namespaces: netns.filter((line) => line.startsWith('tdg-')).map(firstWord),
    links: links.flatMap((line) => /^\d+: (tdg[^@:]*)/.exec(line)?.[1] ?? []),
    taps: taps.map(firstWord),
    mounts: mounts.split('\n').filter((line) => line.includes('tardigrade')),
    loops: loops.split('\n').flatMap((line) => /\bloop\d+$/.exec(line) ?? []),
    cgroups,
    nftTables: tables.filter((line) => line.includes('tardigrade_')),
  };
}

function firstWord(line: string): string {
  return line.split(' ')[0] ?? '';
}

/** The VMM of one of the service's MicroVMs, and its launcher, which is in the network namespace of its link. */
export async function vmmOf(service: Pick<Service, 'config'>, id: string): Promise<{ readonly pid: number; readonly launcher: number }> {
  const { pid, launcher } = (await findVmms(await runDirOf(service.config.dataDir))).get(id) ?? {};
  if (pid === undefined || launcher === undefined) throw new Error(`no VMM of ${id}`);
  return { pid, launcher };
}

/** VMMs of any Tardigrade on this host, by the descriptors they are given. */
export function vmmPids(): Promise<string[]> {
  return pidsOf((cmdline) => cmdline.includes('qemu-system') && cmdline.includes('/dev/fdset/'));
}

async function pidsOf(matches: (cmdline: string) => boolean): Promise<string[]> {
  const pids: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (matches(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''))) pids.push(pid); // '': gone meanwhile
  }
  return pids;
}

async function lines(program: string, args: readonly string[]): Promise<string[]> {
  return (await run(program, args)).stdout.split('\n').filter(Boolean);
}
