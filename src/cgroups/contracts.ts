/**
 * Limits and shares of the host's CPU and memory, by Linux control groups (cgroup v1, v2, or both mounted side by side).
 * A host without them, or where they cannot be written, still works: the groups then limit nothing, and the log says so
 * once.
 */

export type Controller = 'cpu' | 'memory' | 'pids';

/** What one group may take. */
export interface GroupLimits {
  /** Share of the CPUs against the groups beside it when all want them: 1 = the share of one CPU. */
  readonly cpuWeight: number;
  /** CPUs' worth of time at most. Absent: as many as there are. */
  readonly cpus?: number | undefined;
  readonly memoryBytes: number;
  /** Threads and processes. */
  readonly tasks: number;
}

/** One group; its name says which, so that a later daemon finds it again. */
export interface Group {
  readonly name: string;
  /**
   * Moves a process, all its threads and their later children into the group, and makes it one that the kernel's OOM
   * killer takes before the daemon. Never rejects: what does not work is logged.
   */
  add(pid: number): Promise<void>;
  /** Has the kernel's OOM killer ended a process of this group? False where it cannot be known. Never rejects. */
  hitByOomKiller(): Promise<boolean>;
  /** Most memory the group ever held, page cache included. Never rejects. */
  peakMemoryBytes(): Promise<number | undefined>;
  /** Once its processes are gone. Idempotent. Never rejects: what does not work is logged. */
  remove(): Promise<void>;
}

export interface Cgroups {
  /** What is really limited on this host. */
  readonly controllers: readonly Controller[];
  /** Makes a group, or gives the one of that name new limits. Never rejects: what does not work is logged once. */
  create(name: string, limits: GroupLimits): Promise<Group>;
  /** The group of that name, made by whomever. */
  find(name: string): Group;
  /** Of all groups there are, also an earlier daemon's. */
  names(): Promise<string[]>;
  /**
   * Removes groups that were there at the opening, have no process in them and were not made again since: what VMs of an
   * earlier daemon left. Answers how many.
   */
  sweep(): Promise<number>;
  /** Removes this daemon's folder of groups if no group is in it. */
  close(): Promise<void>;
}
