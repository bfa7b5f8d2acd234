/** What can be seen of the service's host from here: all of it as root there, nothing from elsewhere. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

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
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => ''))); // it ended meanwhile
  const inodes = new Set(links.map((link) => Number(/\[(\d+)\]/.exec(link)?.[1])));
  const names = await readdir(NAMED).catch((): string[] => []); // a host without any
  const named = await Promise.all(names.map(async (name) => ({ name, ino: (await stat(join(NAMED, name)).catch(() => undefined))?.ino })));
  return named.filter(({ ino }) => ino !== undefined && inodes.has(ino)).map(({ name }) => name);
}

export async function namespacesLeft(names: readonly string[]): Promise<string[]> {
  const there = await readdir(NAMED).catch((): string[] => []); // a host without any
  return names.filter((name) => there.includes(name));
}

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
