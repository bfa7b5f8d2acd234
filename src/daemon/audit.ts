/** The audit layer, put together: its own files beside the logs of applications, shown as one of their groups. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ServedRequest } from '../api/contracts.js';
import { createTrail } from '../audit/trail.js';
import { AUDIT_LOG_GROUP, AUDIT_STREAMS } from '../audit/contracts.js';
import { withAudit } from '../audit/view.js';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import type { LogStore } from '../logs/contracts.js';
import { createLogStore } from '../logs/store.js';
import type { Metrics } from '../metrics/contracts.js';

export interface AuditParts {
  readonly config: Pick<Config, 'dataDir' | 'auditMaxMiB' | 'region'>;
  /** What accounts' own logs are kept in. */
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface Audit {
  /** For those who read logs through the API. */
  readonly logs: LogStore;
  /** The group nobody changes through the API. */
  readonly keptGroup?: string;
  readonly served?: (request: ServedRequest) => void;
  close(): Promise<void>;
}

export function startAudit({ config, logs, clock, metrics, logger }: AuditParts): Audit {
  if (config.auditMaxMiB === 0) return { logs, close: () => Promise.resolve() };
  const accountBytes = config.auditMaxMiB * 1024 * 1024;
  const store = createLogStore(join(config.dataDir, 'audit'), {
    // A little less than its share, as streams have folders too.
    accountBytes, streamBytes: Math.floor((accountBytes * 0.9) / AUDIT_STREAMS.length),
    onError: (error) => logger.error({ error: messageOf(error) }, 'records of API calls lost'),
  });
  const trail = createTrail({ store, region: config.region, clock, metrics });
  return { logs: withAudit(logs, store), keptGroup: AUDIT_LOG_GROUP, served: (request) => trail.record(request), close: () => trail.close() };
}
