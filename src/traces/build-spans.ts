import { LruMap } from '../collections/lru-map.js';
import type { BuildStepEvent } from '../events/contracts.js';
import type { SpanContext, Tracer } from './contracts.js';

const MAX_OPEN = 1000;
/** After this step a build is done. */
const LAST_STEP = 'tidy';

interface Open {
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startedAt: number;
}

/** A span for each build and each of its steps, under the request that asked for it. One that a daemon's end cut off has none. */
export class BuildSpans {
  readonly #open = new LruMap<string, Open>(MAX_OPEN);

  constructor(
    private readonly tracer: Tracer,
    /** ms since 1970 */
    private readonly now: () => number,
  ) {}

  step({ buildId, imageArn, imageVersion, step, status, durationMs }: BuildStepEvent): void {
    const now = this.now();
    let build = this.#open.get(buildId);
    if (build === undefined) {
      const parent = this.tracer.current();
      build = { context: this.tracer.child(parent), parent, startedAt: now };
      this.#open.set(buildId, build);
    }
    if (status === 'STARTED') return;
    const error = status === 'FAILED' ? `the step ${step} failed` : undefined;
    this.tracer.record({ context: this.tracer.child(build.context), parent: build.context, name: step, kind: 'internal', startedAt: now - (durationMs ?? 0), endedAt: now, attributes: {}, error });
    if (status === 'SUCCEEDED' && step !== LAST_STEP) return;
    this.#open.delete(buildId);
    this.tracer.record({
      ...build, name: 'image.build', kind: 'internal', endedAt: now, error,
      attributes: { 'tardigrade.build.id': buildId, 'tardigrade.image.arn': imageArn, 'tardigrade.image.version': imageVersion },
    });
  }
}
