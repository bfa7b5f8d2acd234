import { Counter, Histogram, type Registry } from 'prom-client';
import { API_SERVICES, type ApiMetrics } from './contracts.js';

/** Seconds: a Get takes less than a millisecond, an upload minutes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300];
/** Neither operation nor error has a name in the lists: unknown paths, and S3 and Logs, which are told apart by service alone. */
const OTHER = 'other';

/** The names there are: what a client calls an operation is no label. */
export interface ApiNames {
  readonly operations: readonly string[];
  readonly errors: readonly string[];
}

export function apiMetrics(registry: Registry, names: ApiNames): ApiMetrics {
  const registers = [registry];
  const requests = new Counter({ name: 'tardigrade_api_requests_total', help: 'Requests to the API, by operation and class of HTTP status.', labelNames: ['service', 'operation', 'status'], registers });
  const seconds = new Histogram({ name: 'tardigrade_api_request_seconds', help: 'Time until the answer to a request to the API was ready.', labelNames: ['service'], buckets: BUCKETS, registers });
  const errors = new Counter({ name: 'tardigrade_api_errors_total', help: 'Errors that the API answered, by type.', labelNames: ['type'], registers });
  const known = new Set(names.operations);
  const types = new Set(names.errors);
  for (const service of API_SERVICES) seconds.zero({ service });
  for (const type of [...types, OTHER]) errors.inc({ type }, 0);
  return {
    apiRequest({ service, operation, status, error, ms }) {
      const named = (service === 'lambda' || service === 'tardigrade') && operation !== undefined && known.has(operation);
      requests.inc({ service, operation: named ? operation : OTHER, status: classOf(status) });
      if (Number.isFinite(ms) && ms >= 0) seconds.observe({ service }, ms / 1000);
      if (error !== undefined) errors.inc({ type: types.has(error) ? error : OTHER });
    },
  };
}

function classOf(status: number): string {
  return status >= 200 && status < 600 ? `${Math.floor(status / 100)}xx` : OTHER;
}
