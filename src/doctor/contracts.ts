/**
 * What `tardigrade doctor` knows of the host and what it says of it. Facts are read in one place (`facts.ts`); each check
 * is a pure function of one fact, so that every host can be tried in a test.
 */

/** ok: as it should be. note: worth knowing. warning: works, but slower or less safe. error: does not work. */
export type Level = 'ok' | 'note' | 'warning' | 'error';

/** What a check says of one thing it saw. */
export interface Verdict {
  readonly level: Level;
  readonly seen: string;
  /** Why it matters. */
  readonly why?: string | undefined;
  /** A command, or a sentence where no command does it. */
  readonly fix?: string | undefined;
}

export interface Finding extends Verdict {
  readonly check: string;
}

export interface Check {
  readonly name: string;
  run(facts: Facts): readonly Finding[];
}

/** A fact of the host, or why it could not be read. */
export type Fact<T> = { readonly value: T } | { readonly unknown: string };

export interface Facts {
  /** Effective user id. */
  readonly user: Fact<number>;
  /** Bits of the effective capabilities of this process. */
  readonly capabilities: Fact<bigint>;
  /** As Node names it: x64, arm64. */
  readonly architecture: Fact<string>;
  readonly kvm: Fact<Kvm>;
  /** Files of /sys/devices/system/cpu/vulnerabilities and what they say. */
  readonly vulnerabilities: Fact<Readonly<Record<string, string>>>;
  /** /sys/devices/system/cpu/smt/control. */
  readonly smt: Fact<string>;
  /** /sys/kernel/mm/ksm/run. */
  readonly ksm: Fact<string>;
  readonly swaps: Fact<readonly Swap[]>;
  readonly memory: Fact<Memory>;
  /** e.g. `6.1.0-56-amd64`. */
  readonly kernel: Fact<string>;
  readonly features: Fact<Readonly<Record<Feature, boolean>>>;
  readonly hierarchies: Fact<readonly Hierarchy[]>;
  readonly disks: Fact<readonly Disk[]>;
  readonly dataFolder: Fact<DataFolder>;
  readonly encryption: Fact<Encryption>;
  readonly vmmIds: Fact<VmmIds>;
  readonly ports: Fact<readonly Port[]>;
  /** First line of what each program says of its version; undefined: it is not there. */
  readonly programs: Fact<Readonly<Record<string, string | undefined>>>;
  /** Does the kernel hold its clock for synchronised? */
  readonly clockSynchronised: Fact<boolean>;
  readonly forwarding: Fact<boolean>;
  /** Chains of others that drop what no rule of theirs lets through. */
  readonly dropChains: Fact<readonly FirewallChain[]>;
  readonly linkRange: Fact<LinkRange>;
  /** Soft limit of open files. */
  readonly openFiles: Fact<number>;
}

export interface Kvm {
  readonly device: 'absent' | 'closed' | 'open';
  readonly wanted: 'auto' | 'kvm' | 'tcg';
  /** What the last start found when it booted a guest. */
  readonly verdict?: { readonly works: boolean; readonly reason: string; readonly thisBoot: boolean } | undefined;
}

export interface Swap {
  readonly path: string;
  readonly kind: 'disk' | 'memory'; // memory: zram
  readonly encrypted: boolean;
}

export interface Memory {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** /proc/sys/vm/overcommit_memory. */
  readonly overcommit: number;
}

export const FEATURES = ['namespaces', 'seccomp', 'tun', 'nftables', 'pivot-root', 'overlay', 'loop'] as const;
export type Feature = (typeof FEATURES)[number];

export interface Hierarchy {
  readonly version: 1 | 2;
  readonly root: string;
  readonly controllers: readonly string[];
}

export interface Disk {
  readonly use: 'data' | 'assets';
  readonly path: string;
  readonly fileSystem: string;
  readonly freeBytes: number;
  /** 0 where the file system does not count them. */
  readonly inodes: number;
  readonly freeInodes: number;
}

export interface DataFolder {
  readonly path: string;
  readonly exists: boolean;
  /** Below it, two levels deep, and itself: what others than the owner may use. */
  readonly open: readonly string[];
  /** Of another user than the one who runs this. */
  readonly foreign: readonly string[];
}

export interface Encryption {
  readonly wanted: boolean;
  /** Of the data folder. */
  readonly fileSystem: string;
  /** Does the kernel say that its ext4 can encrypt? */
  readonly kernel: boolean;
}

export interface VmmIds {
  readonly first: number;
  readonly count: number;
  /** Users, groups and subordinate ranges of the host that are in it. */
  readonly taken: readonly string[];
}

export interface Port {
  readonly use: 'API' | 'endpoints';
  readonly host: string;
  readonly port: number;
  /** Absent: free. */
  readonly failure?: string | undefined; // e.g. EADDRINUSE
  /** The process that listens there, where it can be told. */
  readonly holder?: { readonly pid: number; readonly command: string } | undefined;
}

export interface FirewallChain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

export interface LinkRange {
  readonly cidr: string;
  /** Routes of others inside it. */
  readonly routes: readonly { readonly destination: string; readonly device: string }[];
}
