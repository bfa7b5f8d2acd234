import type { ServedRequest } from '../api/contracts.js';
import type { Clock } from '../clock/index.js';
import { TokenBucket } from '../clock/token-bucket.js';
import type { LogStore, LogWriter } from '../logs/contracts.js';
import type { Metrics } from '../metrics/contracts.js';
import { AUDIT_LOG_GROUP } from './contracts.js';
import { recordOf, streamOf } from './record.js';

/** Records of refusals of an account: whoever knows the id of a key, no secret, can have them written. */
const REFUSALS = { perSecond: 10, burst: 200 } as const;

export interface TrailDeps {
  /** Of the audit log alone: an account's applications can neither write to it nor push records out of it. */
  readonly store: Pick<LogStore, 'stream'>;
  readonly region: string;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'audited'>;
}

export interface Trail {
  /** Never throws and never waits: the record is on disk a moment later. */
  record(request: ServedRequest): void;
  close(): Promise<void>;
}

export function createTrail({ store, region, clock, metrics }: TrailDeps): Trail {
  /** By account and stream: accounts are those of keys there are. */
  const writers = new Map<string, LogWriter>();
  const refusals = new Map<string, TokenBucket>();

  function tooMany(accountId: string): boolean {
    let bucket = refusals.get(accountId);
    if (bucket === undefined) refusals.set(accountId, (bucket = new TokenBucket(REFUSALS, clock.steady())));
    return bucket.take(clock.steady()) > 0;
  }

  return {
    record(request) {
      const { caller } = request;
      if (caller === undefined) return; // it is about no account
      const { accountId } = caller;
      const stream = streamOf(request);
      if (stream === 'refused' && tooMany(accountId)) return metrics.audited('left-out');
      const key = `${accountId} ${stream}`;
      let writer = writers.get(key);
      if (writer === undefined) writers.set(key, (writer = store.stream(accountId, AUDIT_LOG_GROUP, stream)));
      writer.write(clock.now(), JSON.stringify(recordOf(request, caller, region)));
      metrics.audited('written');
    },
    async close() {
      await Promise.all([...writers.values()].map((writer) => writer.close()));
      writers.clear();
    },
  };
}
