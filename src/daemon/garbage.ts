/** Everything that garbage is collected from, put together. */
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { createCollector } from '../gc/collector.js';
import type { GarbageCollector, GarbageSource } from '../gc/contracts.js';
import { expiredLogEvents } from '../gc/log-events.js';
import { temporaryFiles } from '../gc/temporary-files.js';
import { terminatedRecords } from '../gc/terminated.js';
import type { LogStore } from '../logs/contracts.js';
import type { Store } from '../store/contracts.js';

export interface GarbageParts {
  readonly config: Pick<Config, 'accountId' | 'dataDir'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly logs: LogStore;
  /** What the layers that keep files say of them. */
  readonly sources: readonly GarbageSource[];
  readonly logger: Logger;
}

export function createGarbageCollector({ config, store, clock, logs, sources, logger }: GarbageParts): GarbageCollector {
  return createCollector({
    operatorAccount: config.accountId,
    sources: [terminatedRecords({ store, clock }), ...sources, temporaryFiles({ dataDir: config.dataDir, clock }), expiredLogEvents(logs)],
    logger,
  });
}
