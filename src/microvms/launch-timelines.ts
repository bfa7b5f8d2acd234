/**
 * How long each phase of a launch or resume took:
 *
 *   queue       waiting for a turn, a link, an empty folder, and at a resume for the step before it
 *   restore     the VMM starts, until the guest runs
 *   fault-in    until its agent has answered: clock, entropy and names are its own
 *   hook        until /run or /resume is answered, if there is one, and the state is recorded
 *   first-byte  until the application's first answer through the endpoint has begun, see {@link FIRST_BYTE_MS}
 *
 * Phases follow each other without gaps. The newest launches are kept in the store, so they outlive the daemon and the MicroVM.
 */
import { messageOf } from '../errors/index.js';
import { LAUNCH_PHASES } from '../metrics/contracts.js';
import type { LaunchKind, LaunchPhase, LaunchRecord, MicrovmRecord } from '../store/contracts.js';
import type { MicrovmDeps, MicrovmStep } from './deps.js';

/** Kept of each MicroVM. */
const KEEP = 10;
/**
 * ms from RUNNING within which an answer belongs to the launch. A request that waited for it does, however slow the
 * application; one that came later does only when it came at once, as the phase would else be the time nobody asked.
 */
const FIRST_BYTE_MS = { waited: 60_000, came: 2_000 };

/** hook ends with RUNNING. */
const ENDS: Partial<Record<MicrovmStep, LaunchPhase>> = {
  'run-linked': 'queue', 'run-launched': 'restore', 'run-awake': 'fault-in',
  'resume-linked': 'queue', 'resume-launched': 'restore', 'resume-awake': 'fault-in',
};

type Deps = Pick<MicrovmDeps, 'store' | 'clock' | 'metrics' | 'logger' | 'stopwatch'>;

export class LaunchTimelines {
  /** The last launch of each MicroVM until nothing more is to come of it. */
  readonly #open = new Map<string, Timeline>();
  readonly #unwritten = new Set<Timeline>();

  constructor(private readonly deps: Deps) {}

  /** After each change of a MicroVM. */
  changed({ id, state }: Pick<MicrovmRecord, 'id' | 'state'>, resuming: boolean): void {
    const last = this.#open.get(id);
    const underWay = last?.outcome === undefined ? last : undefined;
    if (state === 'PENDING') {
      if (last === undefined) this.#begin(id, 'RUN');
    } else if (state === 'RUNNING') {
      if (underWay !== undefined) this.#succeeded(underWay);
    } else if (state === 'SUSPENDED' && resuming) {
      if (underWay === undefined) this.#begin(id, 'RESUME');
    } else if (last !== undefined) {
      underWay?.fail(this.#now());
      this.#settle(last);
    }
  }

  reached(step: MicrovmStep, id: string): void {
    const phase = ENDS[step];
    const last = this.#open.get(id);
    if (phase !== undefined && last?.outcome === undefined) last?.end(phase, this.#now());
  }

  /** A request waits for the launch under way. */
  waits(id: string): void {
    const last = this.#open.get(id);
    if (last?.outcome === undefined) last?.wait();
  }

  /** The application has begun an answer. Cheap: called for each. */
  answered(id: string): void {
    const last = this.#open.get(id);
    if (last?.outcome !== 'SUCCEEDED') return;
    const now = this.#now();
    if (now - last.reached <= (last.waited ? FIRST_BYTE_MS.waited : FIRST_BYTE_MS.came)) {
      last.end('first-byte', now);
      this.#observe(last, 'first-byte');
    }
    this.#settle(last);
  }

  /** It is over. */
  forget(id: string): void {
    const last = this.#open.get(id);
    if (last?.outcome === undefined) this.#open.delete(id);
    else this.#settle(last);
  }

  /** Newest first. */
  of(id: string): LaunchRecord[] {
    this.flush();
    const last = this.#open.get(id);
    const kept = this.deps.store.launchesOf(id);
    // A request waits for its first byte still: it is written when that comes.
    return last?.outcome === undefined || last.key !== undefined ? kept : [last.record(), ...kept].slice(0, KEEP);
  }

  /** Before the store closes: nothing more will come. */
  close(): void {
    for (const last of [...this.#open.values()]) if (last.outcome !== undefined) this.#settle(last);
    this.flush();
  }

  flush(): void {
    for (const timeline of this.#unwritten) {
      this.#unwritten.delete(timeline);
      try {
        timeline.key = this.deps.store.saveLaunch(timeline.record(), KEEP, timeline.key);
      } catch (error) {
        this.deps.logger.warn({ microvm: timeline.microvmId, error: messageOf(error) }, 'could not record how long a launch took');
      }
    }
  }

  #begin(id: string, kind: LaunchKind): void {
    const before = this.#open.get(id);
    if (before !== undefined) this.#settle(before);
    this.#open.set(id, new Timeline(id, kind, this.deps.clock.now(), this.#now()));
  }

  #succeeded(timeline: Timeline): void {
    timeline.succeed(this.#now());
    for (const { name } of timeline.phases) this.#observe(timeline, name);
    if (!timeline.waited) this.#write(timeline);
  }

  #settle(timeline: Timeline): void {
    this.#open.delete(timeline.microvmId);
    this.#write(timeline);
  }

  #write(timeline: Timeline): void {
    this.#unwritten.add(timeline);
    // Not now: whoever waits for the launch need not wait for a commit.
    setImmediate(() => this.flush());
  }

  /** Failed launches are counted as faults: a phase that was cut short says nothing of how long it takes. */
  #observe(timeline: Timeline, phase: LaunchPhase): void {
    const ms = timeline.phases.find(({ name }) => name === phase)?.durationMs;
    if (ms !== undefined) this.deps.metrics.launchPhase(timeline.kind, phase, ms / 1000);
  }

  #now(): number {
    return (this.deps.stopwatch ?? defaultStopwatch)();
  }
}

const defaultStopwatch = (): number => performance.now();

/** One launch; times are ms of the stopwatch. */
class Timeline {
  readonly phases: { name: LaunchPhase; startMs: number; durationMs: number }[] = [];
  outcome: LaunchRecord['outcome'] | undefined;
  /** Of the store, once it is there. */
  key: number | undefined;
  waited = false;
  /** When the last phase that is over ended. */
  reached: number;

  constructor(
    readonly microvmId: string,
    readonly kind: LaunchKind,
    readonly startedAt: number,
    readonly began: number,
  ) {
    this.reached = began;
  }

  end(name: LaunchPhase, now: number): void {
    if (this.phases.some((phase) => phase.name === name)) return;
    this.phases.push({ name, startMs: this.reached - this.began, durationMs: Math.max(0, now - this.reached) });
    this.reached = Math.max(now, this.reached);
  }

  wait(): void {
    this.waited = true;
  }

  succeed(now: number): void {
    this.end('hook', now);
    this.outcome = 'SUCCEEDED';
  }

  fail(now: number): void {
    const phase = LAUNCH_PHASES[this.phases.length];
    if (phase !== undefined && phase !== 'first-byte') this.end(phase, now);
    this.outcome = 'FAILED';
  }

  record(): LaunchRecord {
    const { microvmId, kind, startedAt, phases } = this;
    return { microvmId, kind, startedAt, phases, outcome: this.outcome ?? 'FAILED' };
  }
}
