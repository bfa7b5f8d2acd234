/** What can be seen of the service's host from here: all of it as root there, nothing from elsewhere. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface HostFacts {
  /** Why nothing of the host can be seen; undefined: it can. */
  readonly hidden: string | undefined;
  /** IPv4 addresses of the host, but loopback; empty when it is another. */
  readonly addresses: readonly string[];
}

const LOOPBACK = /^(127\.|\[?::1\]?$|localhost$|.*\.localhost$)/;

export function hostFacts(apiUrl: string, uid: number | undefined = process.getuid?.()): HostFacts {
  const { hostname } = new URL(apiUrl);
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
  if (!LOOPBACK.test(hostname) && !own.includes(hostname)) return { hidden: 'the service is on another host: run the check there, as root', addresses: /^\d+(\.\d+){3}$/.test(hostname) ? [hostname] : [] };
  return { hidden: uid === 0 ? undefined : 'only root sees the processes of the service: run the check as root', addresses: own };
}

/** What the host holds for one MicroVM. */
export interface Held {
  readonly processes: readonly number[];
  /** Names of the network namespaces these processes are in. */
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
}

export async function heldFor(id: string): Promise<Held> {
  const processes = await processesOf(id);
  return { processes, namespaces: await namespacesOf(processes), cgroups: await cgroupsOf(id) };
}

/** Launchers name the MicroVM in their arguments; VMMs are their children. */
async function processesOf(id: string): Promise<number[]> {
  const found: number[] = [];
  const parents = new Map<number, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [cmdline, line] = await Promise.all(['cmdline', 'stat'].map((name) => readFile(`/proc/${entry}/${name}`, 'latin1').catch(() => ''))); // it ended meanwhile
    parents.set(Number(entry), Number((line ?? '').slice((line ?? '').lastIndexOf(')') + 2).split(' ')[1]));
    if (cmdline?.split('\0').some((argument) => argument.endsWith(`/${id}.qmp`)) === true) found.push(Number(entry));
  }
  return [...found, ...[...parents].filter(([, parent]) => found.includes(parent)).map(([pid]) => pid)];
}

const NAMED = '/run/netns';

async function namespacesOf(pids: readonly number[]): Promise<string[]> {
  const inodes = await inodesOf(pids);
  return (await named()).filter(({ ino }) => inodes.has(ino)).map(({ name }) => name);
}

/** Those in which no process is. A service keeps some ready; their names are used again, so that only their number tells. */
async function emptyNamespaces(): Promise<string[]> {
  const inodes = await inodesOf((await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number));
  return (await named()).filter(({ ino }) => !inodes.has(ino)).map(({ name }) => name);
}

async function inodesOf(pids: readonly number[]): Promise<Set<number>> {
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => ''))); // it ended meanwhile
  return new Set(links.map((link) => Number(/\[(\d+)\]/.exec(link)?.[1])));
}

async function named(): Promise<{ readonly name: string; readonly ino: number }[]> {
  const names = await readdir(NAMED).catch((): string[] => []); // a host without any
  const all = await Promise.all(names.map(async (name) => ({ name, ino: (await stat(join(NAMED, name)).catch(() => undefined))?.ino }))); // it went meanwhile
  return all.flatMap(({ name, ino }) => (ino === undefined ? [] : [{ name, ino }]));
}

const WATCH_MS = 1000;
const LOOK_EVERY_MS = 100;

/** The most namespaces that a service on this host keeps ready at a time, by a second's look: it makes up for what was just used. */
export async function readyNamespaces(host: HostFacts): Promise<readonly string[]> {
  let most: string[] = [];
  if (host.hidden !== undefined) return most;
  for (const end = Date.now() + WATCH_MS; Date.now() < end; await sleep(LOOK_EVERY_MS)) {
    const now = await emptyNamespaces();
    if (now.length > most.length) most = now;
  }
  return most;
}

/** How many more there are than were ready before, of the services that `used` belong to: their names differ in the number alone. */
export async function surplusNamespaces(used: readonly string[], ready: readonly string[]): Promise<number> {
  const prefixes = new Set(used.map(prefixOf));
  const count = (names: readonly string[]): number => names.filter((name) => prefixes.has(prefixOf(name))).length;
  return Math.max(0, count(await emptyNamespaces()) - count(ready));
}

const prefixOf = (name: string): string => name.replace(/\d+$/, '');

/** `<hierarchy>/tardigrade-<tag>/<id>`, in version 2 and in each controller of version 1. */
async function cgroupsOf(id: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []); // it went meanwhile
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const path = join(folder, entry.name);
      if (entry.name === id) found.push(path);
      else if (entry.name.startsWith('tardigrade-') || depth > 0) await look(path, entry.name.startsWith('tardigrade-') ? 0 : depth - 1);
    }
  };
  await look('/sys/fs/cgroup', 1);
  return found;
}
