import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { PROXY_OUTCOMES, type ProxyMetrics, type ProxyOutcome } from './contracts.js';

/** Seconds until an application answers: a cache hit, or a language model. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function proxyMetrics(registry: Registry): ProxyMetrics {
  const registers = [registry];
  const requests = new Counter({ name: 'tardigrade_proxy_requests_total', help: 'Requests to MicroVMs through the endpoint, by what became of them.', labelNames: ['outcome'], registers });
  const connections = new Gauge({ name: 'tardigrade_proxy_connections', help: 'Connections of clients to the endpoint now.', registers });
  const bytes = new Counter({ name: 'tardigrade_proxy_bytes_total', help: 'Bytes of bodies and upgraded connections through the endpoint: in to applications, out to clients.', labelNames: ['direction'], registers });
  const upstream = new Histogram({ name: 'tardigrade_proxy_upstream_seconds', help: 'Time from passing a request to an application until its answer began.', buckets: BUCKETS, registers });
  // Looked up once: these are counted for each request and each chunk.
  const outcomes = new Map(PROXY_OUTCOMES.map((outcome) => [outcome, requests.labels({ outcome })]));
  const directions = { in: bytes.labels({ direction: 'in' }), out: bytes.labels({ direction: 'out' }) };
  for (const child of [...outcomes.values(), directions.in, directions.out]) child.inc(0);
  return {
    proxyRequest: (outcome: ProxyOutcome) => outcomes.get(outcome)?.inc(),
    proxyConnection: (change) => connections.inc(change),
    proxyBytes: (direction, count) => directions[direction].inc(count),
    proxyUpstream(ms) {
      if (ms >= 0) upstream.observe(ms / 1000);
    },
  };
}
