/** For the harness: the real image service over the real store, whose builds end as the test says. */
import { pino } from 'pino';
import type { HarnessOptions } from '../harness.js';
import { systemClock } from '../../../src/clock/index.js';
import { BUILD_LIMITS } from '../../../src/images/limits.js';
import { createImages, type Images } from '../../../src/images/service.js';
import { Fakes } from '../../unit/images/support/fakes.js';
import { region } from '../harness.js';

export interface RealImages {
  readonly fakes: Fakes;
  /** ARNs of images with live MicroVMs, or `<arn>:<version>`. */
  readonly inUse: Set<string>;
  readonly option: NonNullable<HarnessOptions['images']>;
  shutdown(): Promise<void>;
}

export function realImages(architecture: 'advice' | 'strict' = 'advice'): RealImages {
  const fakes = new Fakes();
  const inUse = new Set<string>();
  let images: Images | undefined;
  return {
    fakes,
    inUse,
    option: ({ store, connectors, dataDir }) =>
      (images = createImages({
        store, dataDir, connectors, architecture, region,
        builder: fakes.builder, engine: fakes.engine, links: fakes.linkPool, agentFor: fakes.agentFor, callHook: fakes.callHook,
        objects: fakes.objects, log: fakes.appLog, clock: systemClock, hostCpus: 2, hostArch: 'x64', logger: pino({ level: 'silent' }),
        inUse: (arn, version) => inUse.has(version === undefined ? arn : `${arn}:${version}`),
        limits: { ...BUILD_LIMITS, settleMs: 5 },
      })),
    async shutdown() {
      await images?.shutdown();
    },
  };
}
