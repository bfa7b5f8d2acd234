/** Spans of MicroVMs' lives: of launches and resumes from their timelines, of suspends and terminates from the moments they reach. */
import { LruMap } from '../collections/lru-map.js';
import type { LaunchRecord } from '../store/contracts.js';
import type { SpanContext, Tracer } from './contracts.js';

/** Moments with which a step begins; whoever asked for it is known then. */
const BEGINS: Readonly<Record<string, 'RUN' | 'RESUME' | 'suspend' | 'terminate'>> = { 'run-recorded': 'RUN', 'resume-linked': 'RESUME', 'suspending-recorded': 'suspend', 'terminating-recorded': 'terminate' };
/** Moments of suspends and terminates, and the phase that ends with each. */
const PHASES: Readonly<Record<string, readonly [step: 'suspend' | 'terminate', phase: string]>> = {
  'suspend-hook-answered': ['suspend', 'hook'], 'suspended-recorded': ['suspend', 'write'], 'suspend-link-released': ['suspend', 'release'],
  'terminate-hook-answered': ['terminate', 'hook'], 'terminate-released': ['terminate', 'stop'], 'terminate-folder-removed': ['terminate', 'remove'],
};
const LAST = new Set(['suspend-link-released', 'terminate-folder-removed']);
/** Steps remembered: MicroVMs whose steps are under way, and launches whose first byte may still come. */
const MAX_OPEN = 10_000;

interface Open {
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startedAt: number;
  reached: number;
}

export class MicrovmSpans {
  readonly #open = new LruMap<string, Open>(MAX_OPEN);
  readonly #parents = new LruMap<string, { readonly parent: SpanContext | undefined }>(MAX_OPEN);
  readonly #launches = new LruMap<string, { readonly context: SpanContext; phases: number }>(MAX_OPEN);

  constructor(
    private readonly tracer: Tracer,
    /** ms since 1970 */
    private readonly now: () => number,
  ) {}

  /** A MicroVM has reached a named moment. */
  reached(moment: string, id: string): void {
    const begins = BEGINS[moment];
    if (begins !== undefined) this.#begin(begins, id);
    const ends = PHASES[moment];
    if (ends !== undefined) this.#phase(ends[0], ends[1], id, LAST.has(moment));
  }

  /** A launch or resume is recorded, or again, with its first byte. */
  launched({ microvmId, kind, outcome, startedAt, phases }: LaunchRecord): void {
    const key = `${kind} ${microvmId} ${startedAt}`;
    let known = this.#launches.get(key);
    if (known === undefined) {
      const parent = this.#parents.get(`${kind} ${microvmId}`)?.parent;
      known = { context: this.tracer.child(parent), phases: 0 };
      const last = phases.at(-1);
      this.tracer.record({
        context: known.context, parent, name: kind === 'RUN' ? 'microvm.launch' : 'microvm.resume', kind: 'internal', startedAt, endedAt: startedAt + (last === undefined ? 0 : last.startMs + last.durationMs),
        attributes: { 'tardigrade.microvm.id': microvmId }, error: outcome === 'FAILED' ? `failed in the phase ${last?.name ?? 'queue'}` : undefined,
      });
      this.#launches.set(key, known);
    }
    for (const { name, startMs, durationMs } of phases.slice(known.phases)) {
      this.tracer.record({ context: this.tracer.child(known.context), parent: known.context, name, kind: 'internal', startedAt: startedAt + startMs, endedAt: startedAt + startMs + durationMs, attributes: {} });
    }
    known.phases = phases.length;
  }

  #begin(step: 'RUN' | 'RESUME' | 'suspend' | 'terminate', id: string): void {
    const parent = this.tracer.current();
    if (step === 'RUN' || step === 'RESUME') {
      this.#parents.set(`${step} ${id}`, { parent });
      return;
    }
    const startedAt = this.now();
    this.#open.set(`${step} ${id}`, { context: this.tracer.child(parent), parent, startedAt, reached: startedAt });
  }

  #phase(step: 'suspend' | 'terminate', phase: string, id: string, last: boolean): void {
    const key = `${step} ${id}`;
    const open = this.#open.get(key);
    if (open === undefined) return;
    const endedAt = this.now();
    this.tracer.record({ context: this.tracer.child(open.context), parent: open.context, name: phase, kind: 'internal', startedAt: open.reached, endedAt, attributes: {} });
    open.reached = endedAt;
    if (!last) return;
    this.#open.delete(key);
    this.tracer.record({ context: open.context, parent: open.parent, name: `microvm.${step}`, kind: 'internal', startedAt: open.startedAt, endedAt, attributes: { 'tardigrade.microvm.id': id } });
  }
}
