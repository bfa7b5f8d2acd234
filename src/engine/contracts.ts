/**
 * The VM engine, as the rest of the program sees it. Nothing here knows of AWS or of QEMU.
 *
 * - template: a snapshot of a booted machine (RAM file, device state, disk, manifest), launched many times.
 * - clone: a VM launched from a template; its RAM is the template's file mapped private (copy-on-write).
 * - suspension: what a suspended clone leaves on disk: device state and the pages it dirtied, not the whole RAM.
 */
import type { Socket } from 'node:net';
import type { Link } from '../network/contracts.js';

export type Accelerator = 'kvm' | 'tcg';

export interface EngineInfo {
  readonly vmm: string; // e.g. "QEMU 7.2.22"
  readonly accelerator: Accelerator;
  /** Why this accelerator, in words for the operator. */
  readonly reason: string;
  readonly architecture: 'x86_64' | 'arm64';
}

export interface VmSize {
  readonly memoryMiB: number; // what the guest sees as MemTotal, about
  readonly vcpus: number;
  /** Share of the CPUs against other VMs when the host is busy: 1 = that of one CPU, the default. */
  readonly cpuWeight?: number | undefined;
}

export interface Disk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

export interface BootSpec {
  /** Unique among live VMs; names its processes and sockets. */
  readonly id: string;
  readonly size: VmSize;
  /** In guest order: vda, vdb. */
  readonly disks: readonly Disk[];
  readonly link: Link;
  /** Existing empty folder the VM owns: RAM file, logs. */
  readonly dir: string;
}

export interface LaunchSpec {
  readonly id: string;
  /** Folder written by {@link Vm.snapshot}. */
  readonly template: string;
  readonly link: Link;
  /** Existing empty folder the clone owns: disk overlay, logs. */
  readonly dir: string;
  /**
   * Replaces the template's disk N as given; disks not named get a qcow2 overlay over the template's.
   * The bytes must equal those the template's machine last saw there.
   */
  readonly disks?: Readonly<Record<number, Disk>>;
}

export interface ResumeSpec {
  readonly id: string;
  readonly template: string;
  readonly link: Link;
  /** The folder the VM had at {@link Vm.suspend}; holds its disk overlay and suspension. */
  readonly dir: string;
}

export interface TemplateInfo {
  readonly memoryBytes: number; // non-zero RAM held
  readonly diskBytes: number; // allocated on the host
  readonly deviceStateBytes: number;
}

export interface SuspensionInfo {
  readonly dirtyPages: number;
  readonly bytes: number; // device state + pages written
}

export interface VmStats {
  readonly cpuSeconds: number;
  /** RAM of the VMM that is its own, not the shared page cache. */
  readonly privateBytes: number;
}

export interface VmExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The kernel's OOM killer ended it: the VM or its host was out of memory. */
  readonly outOfMemory?: boolean;
  /** Last lines of the VMM's own output, for the log. */
  readonly detail: string;
}

export interface Vm {
  readonly id: string;
  readonly pid: number;
  /** Resolves once the VMM process is gone, whoever ended it. */
  readonly exited: Promise<VmExit>;
  /** A TCP connection to a port of the guest's own address. Errors: as `net.connect`. */
  dial(port: number, signal?: AbortSignal): Promise<Socket>;
  /** Writes a template into `target` (an empty folder on the same file system) and ends this VM. */
  snapshot(target: string): Promise<TemplateInfo>;
  /** Writes a suspension into the VM's folder, on stable storage, and ends the VMM. On failure the VM runs on. */
  suspend(): Promise<SuspensionInfo>;
  /** Ends the VMM at once; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
  stats(): Promise<VmStats>;
}

export interface Engine {
  info(): Promise<EngineInfo>;
  boot(spec: BootSpec): Promise<Vm>;
  /** Resolves when the guest runs. The caller owns `dir` and `link`, also after a failure. */
  launch(spec: LaunchSpec): Promise<Vm>;
  /**
   * As launch, from the suspension in `dir`. From the moment the guest runs the suspension is spent, also for a daemon
   * that starts anew: throws {@link SuspensionSpentError} then. A failure before leaves it as it was.
   */
  resume(spec: ResumeSpec): Promise<Vm>;
}

/** The snapshot on disk does not fit this host or is damaged: launching it would corrupt the guest. */
export class SnapshotRefusedError extends Error {
  override readonly name: string = 'SnapshotRefusedError';
}

/** The guest has already run on from this suspension, so its disk no longer fits the memory: there is no way back. */
export class SuspensionSpentError extends SnapshotRefusedError {
  override readonly name = 'SuspensionSpentError';
}
