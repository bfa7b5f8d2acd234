/** The traces layer, put together, where the operator has a collector; without one nothing is measured for it. */
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import type { BuildStepEvent } from '../events/contracts.js';
import type { Store } from '../store/contracts.js';
import { BuildSpans } from '../traces/build-spans.js';
import type { Tracer } from '../traces/contracts.js';
import { createExporter } from '../traces/exporter.js';
import { MicrovmSpans } from '../traces/microvm-spans.js';
import { createTracer } from '../traces/tracer.js';

export interface TracingParts {
  readonly config: Pick<Config, 'otlpEndpoint' | 'region'>;
  readonly store: Store;
  readonly buildStep: (step: BuildStepEvent) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Tracing {
  readonly tracer?: Tracer;
  /** As the one given, and makes spans of the launches it is told of. */
  readonly store: Store;
  readonly buildStep: (step: BuildStepEvent) => void;
  /** A MicroVM has reached a named moment. */
  readonly reached?: (moment: string, id: string) => void;
  close(): Promise<void>;
}

export function startTracing({ config, store, buildStep, clock, logger }: TracingParts): Tracing {
  if (config.otlpEndpoint === undefined) return { store, buildStep, close: () => Promise.resolve() };
  const exporter = createExporter({ endpoint: config.otlpEndpoint, resource: { 'service.name': 'tardigrade', 'cloud.region': config.region }, clock, logger });
  const tracer = createTracer({ clock, export: (span) => exporter.add(span) });
  const microvms = new MicrovmSpans(tracer, () => clock.now());
  const builds = new BuildSpans(tracer, () => clock.now());
  return {
    tracer,
    store: {
      ...store,
      saveLaunch(launch, keep, replaces) {
        const key = store.saveLaunch(launch, keep, replaces);
        microvms.launched(launch);
        return key;
      },
    },
    buildStep(step) {
      buildStep(step);
      builds.step(step);
    },
    reached: (moment, id) => microvms.reached(moment, id),
    close: () => exporter.close(),
  };
}
