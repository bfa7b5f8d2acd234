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
  /** The folder the VM had at {@link Vm.suspend}; holds its disk layers and suspension. */
  readonly dir: string;
}

export interface AdoptSpec {
  readonly id: string;
  readonly template: string;
  readonly dir: string;
  /** The link whose namespace the VMM is in, once that is known; undefined when it is nobody's. */
  readonly linkAt: (netnsPath: string) => Link | undefined;
}

export interface Adopted {
  readonly vm: Vm;
  readonly link: Link;
}

/** Named moments of the engine's work, in order; the fault tests end the daemon or the VMM at each. */
export const ENGINE_STEPS = [
  'overlay-made', 'vmm-spawned', 'vmm-listens', 'pages-laid', 'state-loaded',
  'guest-stopped', 'state-saved', 'pages-written', 'suspension-in-place', 'vmm-ended', 'suspension-released',
] as const;
export type EngineStep = (typeof ENGINE_STEPS)[number];

/** Told of each step as it is reached; the work goes on when it resolves. `pid`: the VMM's, if there is one. */
export type ObserveEngine = (step: EngineStep, vm: { readonly id: string; readonly pid?: number }) => void | Promise<void>;

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
  /** Unknown (null) of a VMM that this process did not start. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** guest: its kernel panicked, reset or powered off. memory: the host's OOM killer. vmm: it was killed otherwise, or failed. */
  readonly cause: 'guest' | 'memory' | 'vmm';
  /** Last lines of the VMM's own output or, when the guest ended, of its console, for people. */
  readonly detail: string;
}

/** The host's disk is full and the guest, which wrote, waits; it goes on by itself once there is room. */
export type VmTrouble = 'disk-full' | 'io-error';

export interface Vm {
  readonly id: string;
  readonly pid: number;
  /** Resolves once the VMM process is gone, whoever ended it. */
  readonly exited: Promise<VmExit>;
  /** A TCP connection to a port of the guest's own address. Errors: as `net.connect`. */
  dial(port: number, signal?: AbortSignal): Promise<Socket>;
  /** Writes a template into `target` (an empty folder on the same file system) and ends this VM. */
  snapshot(target: string): Promise<TemplateInfo>;
  /** Resolves when the VMM answers; rejects when it has ended or hangs. */
  check(): Promise<void>;
  /** Called for each trouble the VMM reports. */
  onTrouble(listener: (trouble: VmTrouble) => void): void;
  /** Writes a suspension into the VM's folder, on stable storage, and ends the VMM. On failure the VM runs on. */
  suspend(): Promise<SuspensionInfo>;
  /**
   * After {@link Engine.resume}: there is no way back to the suspension any more, which is removed. Until then it is
   * intact, and the VM can be stopped and resumed from it again as if it had not run.
   */
  settle(): Promise<void>;
  /** Lets go of the VM without ending it, for a daemon that ends: the next one adopts it. */
  detach(): void;
  /** Ends the VMM at once; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
  stats(): Promise<VmStats>;
}

export interface Engine {
  info(): Promise<EngineInfo>;
  boot(spec: BootSpec): Promise<Vm>;
  /** Resolves when the guest runs. The caller owns `dir` and `link`, also after a failure. */
  launch(spec: LaunchSpec): Promise<Vm>;
  /** As launch, from the suspension in `dir`, which stays as it is until {@link Vm.settle}, whatever happens. */
  resume(spec: ResumeSpec): Promise<Vm>;
  /**
   * The VM with that id which an earlier daemon launched or resumed, if its VMM lives and its guest can run on; one
   * that was stopped for a suspension not yet in place runs again. Otherwise a VMM that is left is ended.
   */
  adopt(spec: AdoptSpec): Promise<Adopted | undefined>;
  /** Ends the VMMs of an earlier daemon that nobody adopted. */
  endStrays(): Promise<void>;
  /** Is there a complete suspension in the folder? Says nothing of its content. */
  isSuspended(dir: string): Promise<boolean>;
  /** Checksums the disks of a suspension; for the time after it. Rejects when `signal` aborts. */
  seal(dir: string, signal: AbortSignal): Promise<void>;
}

/** The snapshot on disk does not fit this host or is damaged: launching it would corrupt the guest. */
export class SnapshotRefusedError extends Error {
  override readonly name = 'SnapshotRefusedError';
  constructor(
    message: string,
    /** mismatch: it was made by another VMM or on another machine. */
    readonly kind: 'damaged' | 'mismatch' = 'damaged',
  ) {
    super(message);
  }
}
