/** Reads the facts of this host. Whatever cannot be read is said so in its place; nothing here throws. */
import { execFile } from 'node:child_process';
import { access, constants, lstat, readdir, readFile, readlink, realpath, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import { programsOf } from './checks/programs.js';
import type { DataFolder, Disk, Encryption, Fact, Facts, Feature, FirewallChain, Hierarchy, Kvm, Memory, Port, Swap, VmmIds } from './contracts.js';
import { dropChains, effectiveCapabilities, idsWithin, listenerInodes, meminfoBytes, mountOf, openFilesLimit, overlappingRoutes, swapPaths } from './parse.js';

const execute = promisify(execFile);
const text = (path: string): Promise<string> => readFile(path, 'utf8');
const line = async (path: string): Promise<string> => (await text(path)).trim();
const isThere = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

/** A program that does not answer must not hold up the rest. */
const PROGRAM_LIMIT_MS = 10_000;

/** What other layers know of the host. */
export interface Sources {
  readonly hierarchies: () => Promise<readonly Hierarchy[]>;
  readonly clockSynchronised: () => Promise<boolean>;
  /** Did a package bring our Go programs, so that no compiler is needed? */
  readonly goProgramsBuilt: () => Promise<boolean>;
}

export async function readFacts(config: Config, sources: Sources): Promise<Facts> {
  const [capabilities, kvm, vulnerabilities, smt, ksm, swaps, memory, features, hierarchies, disks, dataFolder, encryption, vmmIds, ports, programs, clockSynchronised, forwarding, chains, linkRange, openFiles] = await Promise.all([
    attempt(async () => effectiveCapabilities(await text('/proc/self/status'))),
    attempt(() => readKvm(config)),
    attempt(readVulnerabilities),
    attempt(() => line('/sys/devices/system/cpu/smt/control')),
    attempt(() => line('/sys/kernel/mm/ksm/run')),
    attempt(readSwaps),
    attempt(readMemory),
    attempt(readFeatures),
    attempt(sources.hierarchies),
    attempt(() => Promise.all([readDisk('data', config.dataDir), readDisk('assets', config.assetsDir)])),
    attempt(() => readDataFolder(config)),
    attempt(() => readEncryption(config)),
    attempt(() => readVmmIds(config)),
    attempt(() => Promise.all([readPort('API', config.apiHost, config.apiPort), readPort('endpoints', config.endpointHost, config.endpointPort)])),
    attempt(async () => readPrograms((await sources.goProgramsBuilt()) ? ['go'] : [])),
    attempt(sources.clockSynchronised),
    attempt(async () => (await line('/proc/sys/net/ipv4/ip_forward')) === '1'),
    attempt(readDropChains),
    attempt(async () => ({ cidr: config.linkCidr, routes: (overlappingRoutes(await text('/proc/net/route'), config.linkCidr)).filter(({ device }) => !device.startsWith('tdg')) })),
    attempt(async () => openFilesLimit(await text('/proc/self/limits'))),
  ]);
  return {
    user: { value: process.geteuid?.() ?? -1 },
    architecture: { value: process.arch },
    kernel: { value: release() },
    capabilities, kvm, vulnerabilities, smt, ksm, swaps, memory, features, hierarchies, disks, dataFolder, encryption, vmmIds, ports, programs, clockSynchronised, forwarding, dropChains: chains, linkRange, openFiles,
  };
}

async function attempt<T>(read: () => Promise<T>): Promise<Fact<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

const verdictSchema = z.object({ works: z.boolean(), reason: z.string() });

async function readKvm(config: Config): Promise<Kvm> {
  const wanted = config.accelerator;
  if (!(await isThere('/dev/kvm'))) return { device: 'absent', wanted };
  if (!(await access('/dev/kvm', constants.R_OK | constants.W_OK).then(() => true, () => false))) return { device: 'closed', wanted };
  return { device: 'open', wanted, verdict: await readVerdict(join(config.assetsDir, 'kvm-probe.json')) };
}

/** The probe is repeated after each boot: an older answer may not hold any more. */
async function readVerdict(path: string): Promise<Kvm['verdict']> {
  if (!(await isThere(path))) return undefined;
  const { works, reason } = verdictSchema.parse(JSON.parse(await text(path)));
  const upSeconds = Number((await text('/proc/uptime')).split(' ')[0]);
  return { works, reason, thisBoot: (await stat(path)).mtimeMs > Date.now() - upSeconds * 1000 };
}

async function readVulnerabilities(): Promise<Record<string, string>> {
  const folder = '/sys/devices/system/cpu/vulnerabilities';
  return Object.fromEntries(await Promise.all((await readdir(folder)).map(async (name) => [name, await line(join(folder, name))] as const)));
}

async function readSwaps(): Promise<Swap[]> {
  return Promise.all(
    swapPaths(await text('/proc/swaps')).map(async (path) => {
      if (basename(path).startsWith('zram')) return { path, kind: 'memory' as const, encrypted: false };
      const found = await stat(path);
      return { path, kind: 'disk' as const, encrypted: await isEncrypted(found.isBlockDevice() ? found.rdev : found.dev) };
    }),
  );
}

/** Is a block device dm-crypt, or made of such devices alone (LVM on LUKS)? */
async function isEncrypted(device: number): Promise<boolean> {
  // Linux's encoding of major and minor in 64 bits, for the numbers that occur.
  const folder = `/sys/dev/block/${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
  return isThere(folder).then((there) => there && folderIsEncrypted(folder));
}

async function folderIsEncrypted(folder: string): Promise<boolean> {
  if (await isThere(join(folder, 'dm/uuid'))) if ((await line(join(folder, 'dm/uuid'))).startsWith('CRYPT-')) return true;
  const below = (await isThere(join(folder, 'slaves'))) ? await readdir(join(folder, 'slaves')) : [];
  const answers = await Promise.all(below.map((name) => folderIsEncrypted(join('/sys/class/block', name))));
  return answers.length > 0 && answers.every(Boolean);
}

async function readMemory(): Promise<Memory> {
  const meminfo = await text('/proc/meminfo');
  return {
    totalBytes: meminfoBytes(meminfo, 'MemTotal'),
    availableBytes: meminfoBytes(meminfo, 'MemAvailable'),
    overcommit: Number(await line('/proc/sys/vm/overcommit_memory')),
  };
}

async function readFeatures(): Promise<Record<Feature, boolean>> {
  const spaces = await readdir('/proc/self/ns');
  const hasModule = (name: string): Promise<boolean> => succeeds('modprobe', ['--dry-run', '--quiet', name]);
  const fileSystems = await text('/proc/filesystems');
  return {
    namespaces: ['mnt', 'pid', 'net', 'ipc', 'uts'].every((name) => spaces.includes(name)),
    seccomp: await isThere('/proc/sys/kernel/seccomp/actions_avail'),
    tun: await isThere('/dev/net/tun'),
    nftables: await succeeds('nft', ['list', 'tables']),
    'pivot-root': mountOf(await text('/proc/self/mountinfo'), '/')?.fileSystem !== 'rootfs',
    overlay: /\boverlay$/m.test(fileSystems) || (await hasModule('overlay')),
    loop: (await isThere('/dev/loop-control')) || (await hasModule('loop')),
  };
}

function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return execute(program, args, { timeout: PROGRAM_LIMIT_MS }).then(() => true, () => false);
}

async function readDisk(use: Disk['use'], path: string): Promise<Disk> {
  const there = await nearest(resolve(path));
  const { bavail, bsize, files, ffree } = await statfs(there);
  const mount = mountOf(await text('/proc/self/mountinfo'), await realpath(there));
  return { use, path, fileSystem: mount?.fileSystem ?? 'unknown', freeBytes: bavail * bsize, inodes: files, freeInodes: ffree };
}

async function readEncryption(config: Config): Promise<Encryption> {
  const { fileSystem } = await readDisk('data', config.dataDir);
  return { wanted: config.encryption, fileSystem, kernel: await isThere('/sys/fs/ext4/features/encryption') };
}

async function readVmmIds({ vmmIds }: Config): Promise<VmmIds> {
  const optional = (path: string): Promise<string> => text(path).catch(() => ''); // a host without such users has no such file
  const [names, subordinate] = await Promise.all([['passwd', 'group'], ['subuid', 'subgid']].map(async (files) => (await Promise.all(files.map((name) => optional(`/etc/${name}`)))).join('\n')));
  return { ...vmmIds, taken: [...new Set(idsWithin(names ?? '', subordinate ?? '', vmmIds.first, vmmIds.count))] };
}

/** The folder itself, or the next one above that exists. */
async function nearest(path: string): Promise<string> {
  return (await isThere(path)) || path === '/' ? path : nearest(dirname(path));
}

/** Deeper files are behind these folders. */
async function readDataFolder(config: Config): Promise<DataFolder> {
  const path = resolve(config.dataDir);
  if (!(await isThere(path))) return { path, exists: false, open: [], foreign: [] };
  const assets = resolve(config.assetsDir);
  const first = (await readdir(path)).map((name) => join(path, name)).filter((entry) => entry !== assets);
  const second = await Promise.all(first.map(async (entry) => ((await lstat(entry)).isDirectory() ? (await readdir(entry)).map((name) => join(entry, name)) : [])));
  const entries = await Promise.all([path, ...first, ...second.flat()].map(async (entry) => ({ entry, found: await lstat(entry) })));
  return {
    path,
    exists: true,
    open: entries.filter(({ found }) => !found.isSymbolicLink() && (found.mode & 0o077) !== 0).map(({ entry }) => entry),
    foreign: entries.filter(({ found }) => found.uid !== process.geteuid?.()).map(({ entry }) => entry),
  };
}

async function readPort(use: Port['use'], host: string, port: number): Promise<Port> {
  const failure = await new Promise<string | undefined>((settle) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => settle(undefined)));
  });
  return { use, host, port, failure, holder: failure === 'EADDRINUSE' ? await holderOf(port) : undefined };
}

/** The first process that has a socket listening on the port; undefined when it is of another user's or gone. */
async function holderOf(port: number): Promise<Port['holder']> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => text(path).catch(() => ''))); // no IPv6: no tcp6
  const sockets = new Set(tables.flatMap((table) => listenerInodes(table, port)).map((inode) => `socket:[${inode}]`));
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const folder = `/proc/${pid}/fd`;
    const files = await readdir(folder).catch(() => []); // gone meanwhile, or not ours to see
    const targets = await Promise.all(files.map((name) => readlink(join(folder, name)).catch(() => '')));
    if (!targets.some((target) => sockets.has(target))) continue;
    const command = (await text(`/proc/${pid}/cmdline`).catch(() => '')).split('\0').join(' ').trim();
    return { pid: Number(pid), command: command.length > 120 ? `${command.slice(0, 120)}…` : command };
  }
  return undefined;
}

async function readPrograms(without: readonly string[]): Promise<Record<string, string | undefined>> {
  const versions = await Promise.all(
    programsOf(process.arch).filter(({ name }) => !without.includes(name)).map(async ({ name, args }) => {
      try {
        const { stdout, stderr } = await execute(name, args, { timeout: PROGRAM_LIMIT_MS });
        return [name, (stdout || stderr).split('\n')[0]?.trim() ?? ''] as const;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [name, undefined] as const;
        return [name, `does not tell its version: ${messageOf(error).split('\n')[0] ?? ''}`] as const;
      }
    }),
  );
  return Object.fromEntries(versions);
}

/** nftables' chains, and those of the older iptables where it has any. */
async function readDropChains(): Promise<FirewallChain[]> {
  const { stdout } = await execute('nft', ['-j', 'list', 'ruleset'], { timeout: PROGRAM_LIMIT_MS, maxBuffer: 64 * 1024 ** 2 });
  const legacy = (await text('/proc/net/ip_tables_names').catch(() => '')).split('\n').includes('filter'); // absent where it was never loaded
  const policy = legacy ? (await execute('iptables-legacy', ['-S', 'FORWARD'], { timeout: PROGRAM_LIMIT_MS })).stdout : '';
  return [...dropChains(stdout), ...(/^-P FORWARD DROP$/m.test(policy) ? [{ family: 'iptables', table: 'filter', chain: 'FORWARD' }] : [])];
}
