/** CPU and memory of each MicroVM over the last hour, in memory: from the looks of the meter, which nobody takes twice. */
import type { Clock } from '../clock/index.js';
import type { MicrovmSample } from './contracts.js';
import type { ProcessSample } from './probe.js';

export const SAMPLE_SECONDS = 5;
/** An hour. */
const KEEP = 3600 / SAMPLE_SECONDS;
/** Looks that follow another sooner, as when a report is asked for, are no samples: ms. */
const SPACING_MS = (SAMPLE_SECONDS * 1000) / 2;
/** A sample that is older says nothing of now: ms. */
const FRESH_MS = 3 * SAMPLE_SECONDS * 1000;

/** `at`: ms on the steady timeline. */
type Point = MicrovmSample;

interface History {
  /** Oldest first. */
  readonly points: Point[];
  /** What CPU time is counted from. */
  base: { readonly identity: string; readonly at: number; readonly cpuSeconds: number } | undefined;
  last: { readonly at: number; readonly memoryBytes: number; readonly cpu: number | undefined } | undefined;
}

export class Samples {
  readonly #histories = new Map<string, History>();
  #cpuSeconds = 0;

  constructor(private readonly clock: Clock) {}

  /** Of a running MicroVM's VMM. */
  look(id: string, { identity, cpuSeconds, memoryBytes }: ProcessSample): void {
    const at = this.clock.steady();
    let history = this.#histories.get(id);
    if (history === undefined) this.#histories.set(id, (history = { points: [], base: undefined, last: undefined }));
    const { base, points } = history;
    if (base?.identity === identity && at - base.at < SPACING_MS) {
      history.last = { at, memoryBytes, cpu: history.last?.cpu };
      return;
    }
    history.base = { identity, at, cpuSeconds };
    // The first look at a VMM: what it took to launch or resume is no use of the MicroVM's own.
    const used = base?.identity === identity ? Math.max(0, cpuSeconds - base.cpuSeconds) : undefined;
    const cpu = used === undefined || base === undefined ? undefined : used / ((at - base.at) / 1000);
    history.last = { at, memoryBytes, cpu };
    if (cpu === undefined) return;
    this.#cpuSeconds += used ?? 0;
    points.push({ at, cpu, memoryBytes });
    if (points.length > KEEP) points.shift();
  }

  /** It does not run any more, but may again. */
  rest(id: string): void {
    const history = this.#histories.get(id);
    if (history !== undefined) history.base = history.last = undefined;
  }

  forget(id: string): void {
    this.#histories.delete(id);
  }

  /** Oldest first; times are the wall clock's. `since`: ms. */
  of(id: string, since = -Infinity): MicrovmSample[] {
    const skew = this.clock.now() - this.clock.steady();
    const from = Math.max(since - skew, this.clock.steady() - KEEP * SAMPLE_SECONDS * 1000);
    return (this.#histories.get(id)?.points ?? []).filter(({ at }) => at >= from).map((point) => ({ ...point, at: point.at + skew }));
  }

  /** Of a running MicroVM, as it is now; cpu is known from its second sample on. */
  latest(id: string): { readonly cpu?: number | undefined; readonly memoryBytes?: number | undefined } {
    const last = this.#histories.get(id)?.last;
    return last === undefined || this.clock.steady() - last.at > FRESH_MS ? {} : { cpu: last.cpu, memoryBytes: last.memoryBytes };
  }

  /** Of all MicroVMs: memory now, and CPU time since this daemon began. */
  totals(): { readonly memoryBytes: number; readonly cpuSeconds: number } {
    const memoryBytes = [...this.#histories.values()].reduce((sum, { last }) => sum + (last?.memoryBytes ?? 0), 0);
    return { memoryBytes, cpuSeconds: this.#cpuSeconds };
  }
}
