/** What a VMM's jail holds, as its launcher takes it (host/jail, docs/jail.md). */
import { lstat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../errors/index.js';
import type { Link } from '../../network/contracts.js';
import type { Disk } from '../contracts.js';
import { backingFile, virtualSize } from '../qcow2.js';
import { chainOf } from '../snapshot/layers.js';

export interface Jail {
  /** The program that makes jails. */
  readonly launcher: string;
  /** Folder with the VMM's bin/, lib/, modules/ and firmware/. */
  readonly tree: string;
  /** An empty folder to mount on. */
  readonly mount: string;
  readonly ids: VmmIds;
}

/** User ids, and the group ids of the same numbers, that nobody else on the host uses. The first is the group all VMMs are in. */
export interface VmmIds {
  readonly first: number;
  readonly count: number;
}

/** Descriptors the VMM is started with, in this order; what it has not got is at the end. */
export const FD = { control: 3, console: 4, tap: 5, state: 6 } as const;

/** What belongs to one VM. */
export interface VmmSpec {
  readonly jail: Jail;
  readonly program: string;
  readonly args: readonly string[];
  /** A Unix socket that is made here. */
  readonly controlSocket: string;
  readonly consoleLog: string;
  /** Absent: no network. */
  readonly link: Pick<Link, 'netnsPath' | 'tap'> | undefined;
  /** shared: made anew and written; otherwise read, copy on write. */
  readonly ram: { readonly path: string; readonly shared: boolean };
  /** Files the VMM opens by path. */
  readonly files: readonly JailFile[];
  readonly kvm: boolean;
  /** Threads. */
  readonly tasks: number;
  /** No file may grow beyond. */
  readonly fileBytes: number;
  /** Device state of a clone, to be read. */
  readonly stateFile?: string;
  /** What the VMM itself prints. */
  readonly log: string;
}

export interface JailFile {
  readonly path: string;
  readonly writable: boolean;
}

/** Locks on ids, of all daemons of the host. */
const LOCKS = '/run/tardigrade/vmm-ids';

/** JSON for the launcher; its type is Spec in host/jail/spec.go. */
export function launcherSpec(vmm: VmmSpec): string {
  const { jail, link, stateFile } = vmm;
  return JSON.stringify({
    tree: jail.tree,
    mount: jail.mount,
    program: `/vmm/bin/${vmm.program}`,
    args: [vmm.program, '-L', '/vmm/firmware', ...vmm.args],
    env: ['LD_LIBRARY_PATH=/vmm/lib', 'QEMU_MODULE_DIR=/vmm/modules'],
    netns: link?.netnsPath ?? '',
    ram: { path: vmm.ram.path, create: vmm.ram.shared },
    descriptors: [
      { listen: vmm.controlSocket },
      { write: vmm.consoleLog },
      ...(link === undefined ? [] : [{ tap: link.tap }]),
      ...(stateFile === undefined ? [] : [{ read: stateFile }]),
    ],
    files: vmm.files,
    kvm: vmm.kvm,
    ids: { ...jail.ids, locks: LOCKS },
    limits: { tasks: vmm.tasks, fileBytes: vmm.fileBytes },
  });
}

/** Where the VMM writes its device state: an empty file of its own, as it can make none. */
export const savedStateOf = (dir: string): string => join(dir, 'saved-state');

/** The files a machine opens by path: its disks with the layers below, and what it boots or saves. */
export async function machineFiles(dir: string, disks: readonly Disk[], read: readonly string[]): Promise<JailFile[]> {
  await writeFile(savedStateOf(dir), '', { mode: 0o600 });
  const ofDisks = await Promise.all(disks.map(diskFiles));
  const all = [{ path: savedStateOf(dir), writable: true }, ...ofDisks.flat(), ...read.map((path) => ({ path, writable: false }))];
  // Two disks may lie over one.
  return [...new Map(all.map((file) => [file.path, file])).values()];
}

/** The VM's own layers are folded while it runs, so it writes to all of them; the one below is a template's, and raw. */
async function diskFiles({ path, format }: Disk): Promise<JailFile[]> {
  if (format === 'raw') return [{ path, writable: true }];
  const own = await chainOf(path);
  const below = await backingFile(own.at(-1) ?? path);
  return [...own.map((layer) => ({ path: layer, writable: true })), { path: below, writable: false }];
}

/** A gibibyte, so that logs have room. */
const LEAST_FILE_BYTES = 1024 ** 3;
/** qcow2 holds a disk's data and its tables, which are less than a thousandth; twice is never reached. */
const FILE_ROOM = 2;

/** No file of the VMM's can rightly be larger. */
export async function largestFile(memoryBytes: number, disks: readonly Disk[]): Promise<number> {
  const sizes = await Promise.all(disks.map(virtualSize));
  return Math.max(LEAST_FILE_BYTES, memoryBytes, ...sizes.map((bytes) => FILE_ROOM * bytes));
}

/** Throws OperatorError where VMMs cannot be jailed: it is not worked around. */
export async function requireJail(jail: Jail): Promise<void> {
  if (process.getuid?.() !== 0) throw new OperatorError('root is needed: a VMM is put into namespaces, and under a user, of its own; run the service as root');
  const { first, count } = jail.ids;
  if (first < 1 || count < 2) throw new OperatorError(`the range of user ids for VMs (${count} from ${first}) must hold at least two, none of them root's`);
  await lstat(jail.launcher);
}
