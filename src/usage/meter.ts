/**
 * Counts what each MicroVM uses: at each change of its state, and from sample to sample while it runs.
 *
 * Durations are by the steady timeline, which goes on across restarts of the daemon; the wall clock says which day it
 * is. The time while no daemon ran counts as running only if the very same VMM process still runs.
 */
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { MicrovmRecord, Store, UsageCursor } from '../store/contracts.js';
import type { MeteredVm, UsageMeter } from './contracts.js';
import { dayOf, splitByDay, startOf } from './days.js';
import { Ledger } from './ledger.js';
import type { ProbeProcess, ProcessSample } from './probe.js';
import { SAMPLE_SECONDS, type Samples } from './samples.js';

export interface MeterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly probe: ProbeProcess;
  /** Told of each look. */
  readonly samples: Samples;
  /** Bytes on disk of a suspended MicroVM. */
  readonly bytesOnDisk: (id: string) => Promise<number>;
  readonly logger: Pick<Logger, 'warn'>;
}

export interface Meter extends UsageMeter {
  /** Takes up what an earlier daemon counted; before MicroVMs are. */
  start(): void;
  /** Counts everything up to now and writes it. */
  refresh(): Promise<void>;
  /** Baseline, and all time in RUNNING and SUSPENDING until now. */
  sizeAndTime(vm: MeteredVm): { readonly memoryMiB: number; readonly runningSeconds: number };
  close(): Promise<void>;
}

/** Looks from one writing of records to the next: 15 s. */
const LOOKS_PER_WRITE = 3;
/** Kept for longer than a year, so that a month can be compared with the one a year before. */
const KEEP_DAYS = 400;
const DEFAULT_MEMORY_MIB = 2048; // baseline of a version that names none (spec §3.5)
const MIB = 1024 * 1024;
/** Memory that comes with one vCPU (spec §3.5). */
const MIB_PER_VCPU = 2048;

interface Live {
  cursor: UsageCursor;
  /** An earlier daemon's, until this one has seen that its VMM still runs. */
  unconfirmed: boolean;
  pid: number | undefined;
  /** Samples of one MicroVM one after another. */
  sampling: Promise<void>;
}

export function createMeter(options: MeterOptions): Meter {
  const { store, clock, probe, samples, bytesOnDisk, logger } = options;
  const live = new Map<string, Live>();
  const ledger = new Ledger();
  /** Cursors to be written or removed. */
  const changed = new Set<string>();
  const ended = new Set<string>();
  let cancel: (() => void) | undefined;
  let closed = false;
  let looks = 0;
  let prunedOn = '';

  const add = (of: UsageCursor, seconds: number, amounts: Parameters<Ledger['add']>[2], end = clock.now()): void => {
    const { microvmId, accountId, memoryMiB } = of;
    ledger.add({ microvmId, accountId, memoryMiB }, splitByDay(end, seconds), amounts);
    changed.add(microvmId);
  };

  /** Counts up to now. Answers the seconds since the last time. */
  const advance = (entry: Live): number => {
    const now = clock.steady();
    // After a reboot of the host the timeline may begin before where it was.
    const seconds = Math.max(0, (now - entry.cursor.countedUntil) / 1000);
    entry.cursor = { ...entry.cursor, countedUntil: now };
    if (entry.cursor.phase === 'RUNNING') add(entry.cursor, seconds, { runningSeconds: seconds });
    else add(entry.cursor, seconds, { suspendedSeconds: seconds, storedByteSeconds: seconds * entry.cursor.storedBytes });
    return seconds;
  };

  const countSample = (entry: Live, sample: ProcessSample): void => {
    const { cursor } = entry;
    const seconds = advance(entry);
    const vcpus = cursor.memoryMiB / MIB_PER_VCPU;
    const cpuSeconds = Math.max(0, sample.cpuSeconds - cursor.cpuCounted);
    add(cursor, seconds, {
      cpuSeconds,
      burstCpuSeconds: Math.max(0, cpuSeconds - vcpus * seconds),
      measuredSeconds: seconds,
      memoryByteSeconds: sample.memoryBytes * seconds,
      burstMemoryByteSeconds: Math.max(0, sample.memoryBytes - cursor.memoryMiB * MIB) * seconds,
      peakMemoryBytes: sample.memoryBytes,
    });
    entry.cursor = { ...entry.cursor, process: sample.identity, cpuCounted: sample.cpuSeconds };
  };

  /** The first look at a VMM: the one that was counted before, or another. */
  const meet = (entry: Live, sample: ProcessSample): void => {
    const { unconfirmed } = entry;
    entry.unconfirmed = false;
    if (entry.cursor.process === sample.identity) return;
    // Another VMM than the earlier daemon's: what it did meanwhile nobody knows.
    if (unconfirmed) entry.cursor = { ...entry.cursor, countedUntil: clock.steady() };
    // What it used to launch or resume was before it was RUNNING: it counts, but is above no baseline.
    add(entry.cursor, 0, { cpuSeconds: sample.cpuSeconds });
    entry.cursor = { ...entry.cursor, process: sample.identity, cpuCounted: sample.cpuSeconds };
  };

  const sample = (id: string): Promise<void> => {
    const entry = live.get(id);
    if (entry === undefined) return Promise.resolve();
    entry.sampling = entry.sampling.then(async () => {
      const { pid } = entry;
      if (pid === undefined || entry.cursor.phase !== 'RUNNING') return;
      const found = await probe(pid);
      // Suspended or ended while the probe read.
      if (found === undefined || live.get(id) !== entry || entry.pid !== pid) return;
      meet(entry, found);
      countSample(entry, found);
      samples.look(id, found);
    }).catch((error: unknown) => logger.warn({ microvm: id, error: messageOf(error) }, 'cannot measure a MicroVM'));
    return entry.sampling;
  };

  const flush = (): void => {
    try {
      const cursors = [...changed].flatMap((id) => live.get(id)?.cursor ?? []);
      if (cursors.length === 0 && ended.size === 0 && ledger.rows().length === 0) return;
      store.saveUsage(ledger.rows(), cursors, [...ended]);
      ledger.clear();
      changed.clear();
      ended.clear();
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'cannot write usage records; they are kept and written later');
    }
  };

  const housekeeping = (): void => {
    const now = clock.now();
    try {
      store.syncStoredVersions(now);
      if (prunedOn === dayOf(now)) return;
      prunedOn = dayOf(now);
      const before = now - KEEP_DAYS * 86_400_000;
      store.pruneUsage(dayOf(before), startOf(dayOf(before)));
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'cannot note which versions are stored');
    }
  };

  const lookAtRunning = async (): Promise<void> => {
    for (const [id, entry] of live) if (entry.cursor.phase === 'RUNNING') await sample(id);
  };

  /** Suspended ones change by the clock alone: they need a look only when somebody asks. */
  const refresh = async (): Promise<void> => {
    for (const entry of live.values()) if (entry.cursor.phase === 'SUSPENDED') advance(entry);
    await lookAtRunning();
    housekeeping();
    flush();
  };

  const onTime = async (): Promise<void> => {
    await lookAtRunning();
    looks += 1;
    if (looks % LOOKS_PER_WRITE !== 0) return;
    housekeeping();
    flush();
  };

  const arm = (): void => {
    cancel = clock.after(SAMPLE_SECONDS * 1000, () => void onTime().finally(() => {
      if (!closed) arm();
    }));
  };

  const drop = (id: string): void => {
    live.delete(id);
    changed.delete(id);
    ended.add(id);
    samples.forget(id);
  };

  const memoryOf = (vm: MeteredVm): number => store.getVersion(vm.imageArn, vm.imageVersion)?.config.resources?.[0]?.minimumMemoryInMiB ?? DEFAULT_MEMORY_MIB;

  /** Of a launch: the image's memory as it was snapshotted. Unknown: usage-read-bytes */
  const launchBytes = (vm: MeteredVm): number =>
    store.listBuilds(vm.imageArn, vm.imageVersion, { limit: 1 }).items[0]?.snapshotBuild?.memorySnapshotSizeInBytes ?? 0;

  /** The same VM under a new daemon has the entry of {@link start}, whose VMM is told from another by its identity. */
  const takeUp = (vm: MeteredVm): Live => {
    const known = live.get(vm.id);
    if (known?.cursor.phase === 'RUNNING') return known;
    if (known !== undefined) {
      advance(known);
      add(known.cursor, 0, { resumes: 1, snapshotReadBytes: known.cursor.snapshotBytes });
      known.cursor = { ...known.cursor, phase: 'RUNNING', process: undefined, cpuCounted: 0 };
      return known;
    }
    const cursor: UsageCursor = { microvmId: vm.id, accountId: vm.accountId, memoryMiB: memoryOf(vm), phase: 'RUNNING', countedUntil: clock.steady(), cpuCounted: 0, snapshotBytes: 0, storedBytes: 0 };
    add(cursor, 0, { launches: 1, snapshotReadBytes: launchBytes(vm) });
    const entry = { cursor, unconfirmed: false, pid: undefined, sampling: Promise.resolve() };
    live.set(vm.id, entry);
    ended.delete(vm.id);
    return entry;
  };

  const measureDisk = (id: string): void => {
    bytesOnDisk(id).then(
      (bytes) => {
        const entry = live.get(id);
        if (entry?.cursor.phase !== 'SUSPENDED') return;
        advance(entry);
        entry.cursor = { ...entry.cursor, storedBytes: bytes };
        flush();
      },
      (error: unknown) => logger.warn({ microvm: id, error: messageOf(error) }, 'cannot measure the disk space of a suspended MicroVM'),
    );
  };

  const suspend = (entry: Live, bytes: number): void => {
    entry.cursor = { ...entry.cursor, phase: 'SUSPENDED', process: undefined, cpuCounted: 0, snapshotBytes: bytes, storedBytes: bytes };
    entry.pid = undefined;
    samples.rest(entry.cursor.microvmId);
    measureDisk(entry.cursor.microvmId);
  };

  /** What an earlier daemon counted last, held against the record: it may have died between the two. */
  const recall = (cursor: UsageCursor, record: MicrovmRecord | undefined): void => {
    const entry: Live = { cursor, unconfirmed: cursor.phase === 'RUNNING', pid: undefined, sampling: Promise.resolve() };
    const wallAhead = clock.now() - clock.steady();
    /** Steady ms. */
    const until = (end: number | undefined): void => {
      const seconds = Math.max(0, ((end ?? cursor.countedUntil) - cursor.countedUntil) / 1000);
      add(cursor, seconds, cursor.phase === 'RUNNING' ? { runningSeconds: seconds } : { suspendedSeconds: seconds, storedByteSeconds: seconds * cursor.storedBytes }, cursor.countedUntil + seconds * 1000 + wallAhead);
    };
    if (record === undefined || record.state === 'TERMINATED') {
      // The only time of a record that is the wall clock's.
      if (cursor.phase === 'SUSPENDED' && record?.terminatedAt !== undefined) until(record.terminatedAt - wallAhead);
      return drop(cursor.microvmId);
    }
    live.set(cursor.microvmId, entry);
    if (record.state !== 'SUSPENDED' || cursor.phase === 'SUSPENDED') return;
    until(record.suspendedAt);
    entry.cursor = { ...cursor, countedUntil: Math.max(cursor.countedUntil, record.suspendedAt ?? 0) };
    entry.unconfirmed = false;
    add(cursor, 0, { suspends: 1 });
    suspend(entry, 0);
  };

  return {
    start() {
      for (const cursor of store.usageCursors()) recall(cursor, store.getMicrovm(cursor.microvmId));
      housekeeping();
      flush();
      arm();
    },
    running(vm, pid) {
      try {
        const entry = takeUp(vm);
        entry.pid = pid;
        void sample(vm.id).then(flush);
      } catch (error) {
        logger.warn({ microvm: vm.id, error: messageOf(error) }, 'cannot count a MicroVM from its start');
      }
    },
    leaving: (id) => sample(id),
    suspended(id, bytes) {
      const entry = live.get(id);
      if (entry === undefined) return;
      if (entry.unconfirmed) entry.cursor = { ...entry.cursor, countedUntil: clock.steady() };
      else advance(entry);
      entry.unconfirmed = false;
      add(entry.cursor, 0, { suspends: 1, snapshotWrittenBytes: bytes });
      suspend(entry, bytes);
      // Not now: whoever waits for the suspend need not wait for a commit.
      setImmediate(flush);
    },
    ended(id) {
      const entry = live.get(id);
      if (entry === undefined) return;
      // Running, and this daemon never saw its VMM: it ended at some moment while nobody looked.
      if (!entry.unconfirmed) advance(entry);
      drop(id);
      setImmediate(flush);
    },
    refresh,
    sizeAndTime(vm) {
      const counted = [...store.usageOfMicrovm(vm.id), ...ledger.rows().filter(({ microvmId }) => microvmId === vm.id)].reduce((sum, day) => sum + day.runningSeconds, 0);
      const cursor = live.get(vm.id)?.cursor;
      const since = cursor?.phase === 'RUNNING' ? Math.max(0, (clock.steady() - cursor.countedUntil) / 1000) : 0;
      return { memoryMiB: cursor?.memoryMiB ?? memoryOf(vm), runningSeconds: counted + since };
    },
    async close() {
      closed = true;
      cancel?.();
      await refresh();
    },
  };
}
