/** The one listener of the AWS wire: lambda-microvms, S3 and CloudWatch Logs share it, told apart by what the request is signed for. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { LogsService, S3Service } from '../aws/contracts.js';
import type { Config } from '../config/config.js';
import { listenOn } from '../sockets/listen.js';
import type { ConnectorService } from '../connectors/contracts.js';
import type { ConsoleSite } from '../console/contracts.js';
import type { GarbageCollector } from '../gc/contracts.js';
import type { ImageService } from '../images/contracts.js';
import type { FindKey } from '../keys/key-ring.js';
import type { ApiMetrics, MetricsPage } from '../metrics/contracts.js';
import type { MicrovmService } from '../microvms/contracts.js';
import type { Throttle } from '../quotas/contracts.js';
import { createAuthorize } from './access/authorize.js';
import type { RequestTrace, Tracer } from '../traces/contracts.js';
import type { TagService } from '../tags/contracts.js';
import type { EventFeed } from '../events/contracts.js';
import type { ServedRequest, TokenIssuer } from './contracts.js';
import type { UsageReports, UsageSamples } from '../usage/contracts.js';
import type { IdempotencyStore } from './idempotency.js';
import { createGuestListener, type GuestAccess } from './guest-listener.js';
import { createLambdaFront, type Exchange } from './lambda-front.js';
import { extensions, operations } from './operations/index.js';
import { createLogsFront, isForLogs } from './logs-front.js';
import { answerMetrics, isForMetrics } from './metrics-page.js';
import { createPager } from './paging.js';
import { isLambdaPath } from './router.js';
import { newFacts, type RequestFacts } from './request-facts.js';
import { createS3Front } from './s3-front.js';
import { readClaim } from './sigv4/claim.js';
import { readHead } from './sigv4/request-head.js';
import { takeUpgrades } from './upgrades.js';

export interface ApiServerDeps {
  readonly config: Pick<Config, 'apiHost' | 'apiPort' | 'region'>;
  readonly findKey: FindKey;
  readonly throttle: Throttle;
  readonly images: ImageService;
  readonly connectors: ConnectorService;
  readonly tags: TagService;
  readonly microvms: MicrovmService;
  readonly tokens: TokenIssuer;
  readonly usage: UsageReports;
  readonly events: EventFeed;
  readonly samples: UsageSamples;
  readonly garbage: GarbageCollector;
  readonly store: IdempotencyStore;
  readonly s3: S3Service;
  readonly logs: LogsService;
  /** Signs nextToken; at least 16 bytes, the same after a restart. */
  readonly pageKey: Buffer;
  /** Host (and port, unless 443) of the endpoint with that label; no scheme. */
  readonly endpointOf: (label: string) => string;
  /** Default: nobody counts. */
  readonly counts?: ApiMetrics;
  /** Served at /metrics to programs on this host; absent: nothing is. */
  readonly metrics?: MetricsPage;
  /** Served below /console, but not to guests; absent: nothing is. */
  readonly console?: ConsoleSite;
  /** Where guests reach the API; absent: nowhere. */
  readonly guests?: GuestAccess | undefined;
  readonly log: Logger;
  /** Told of each request once it is answered. Must not throw. Default: nobody. */
  readonly served?: (request: ServedRequest) => void;
  /** Where requests begin or go on with traces. Default: nowhere. */
  readonly tracer?: Tracer;
  /** ms since 1970; default Date.now */
  readonly clock?: () => number;
}

export interface ApiServer {
  /** Throws OperatorError when the address is taken or not allowed. */
  listen(): Promise<{ readonly port: number; readonly guestPort?: number }>;
  /** Takes no new requests; those under way have a short time to end. Idempotent. */
  close(): Promise<void>;
}

/** Longer than the keep-alive of the SDKs' agents (60 s at most), so that the client is the one to close. */
const keepAliveMs = 75_000;
/** A request's whole time to arrive: an upload of 5 GB at 6 MB/s. */
const requestMs = 15 * 60_000;
/** Given to requests under way at close. */
const drainMs = 2_000;

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const { config, log, clock = Date.now } = deps;
  const closing = new AbortController();
  const auth = { findKey: deps.findKey, region: config.region };
  const services = {
    images: deps.images,
    connectors: deps.connectors,
    tags: deps.tags,
    microvms: deps.microvms,
    tokens: deps.tokens,
    usage: deps.usage,
    events: deps.events,
    samples: deps.samples,
    garbage: deps.garbage,
    store: deps.store,
    pager: createPager(deps.pageKey),
    endpointOf: deps.endpointOf,
  };
  const lambda = createLambdaFront({ services, operations: [...operations, ...extensions], auth, throttle: deps.throttle, authorize: createAuthorize({ ...services, region: config.region }), clock, log, closing: closing.signal });
  const s3 = createS3Front({ s3: deps.s3, auth, clock, log });
  const logs = createLogsFront({ logs: deps.logs, auth, clock, log });

  const fronts = { lambda, s3, logs };

  function serve(request: IncomingMessage, response: ServerResponse, site?: ConsoleSite): Promise<void> {
    if (deps.tracer === undefined) return serveIn(undefined, request, response, site);
    const { traceparent } = request.headers;
    return deps.tracer.request(typeof traceparent === 'string' ? traceparent : undefined, (trace) => serveIn(trace, request, response, site));
  }

  async function serveIn(trace: RequestTrace | undefined, request: IncomingMessage, response: ServerResponse, site?: ConsoleSite): Promise<void> {
    const requestId = randomUUID();
    const at = clock();
    const started = performance.now();
    response.setHeader('x-amzn-requestid', requestId);
    const facts = newFacts();
    const settle = once(() => tell(request, response, requestId, at, performance.now() - started, facts, trace));
    const exchange: Exchange = { request, response, requestId, facts, settle };
    const rawPath = (request.url ?? '/').split('?', 1)[0] ?? '/';
    try {
      const head = readHead(request);
      const claim = readClaim(head);
      if (claim === undefined && head.method === 'GET' && rawPath === '/health') {
        facts.operation = 'Health';
        return answerHealth(response);
      }
      if (claim === undefined && site?.owns(request) === true) {
        facts.operation = 'Console';
        return await site.serve(request, response, (key, service) => {
          facts.operation = undefined;
          return fronts[service].serve(exchange, readHead(request), { signedIn: key });
        });
      }
      if (deps.metrics !== undefined && isForMetrics(head, claim, request)) {
        facts.operation = 'Metrics';
        return await answerMetrics(deps.metrics, response);
      }
      if (isForLogs(head, claim)) return await logs.serve(exchange, head, claim);
      const toS3 = claim ? claim.service === 's3' : !isLambdaPath(rawPath);
      await (toS3 ? s3 : lambda).serve(exchange, head, claim);
    } catch (error) {
      // Unreadable head: nothing says whose request it is but its path.
      if (isLambdaPath(rawPath)) lambda.refuse(exchange, error);
      else await s3.refuse(exchange, { method: request.method ?? 'GET', rawPath, query: [], headers: new Map() }, error);
    } finally {
      settle();
    }
  }

  function tell(request: IncomingMessage, response: ServerResponse, requestId: string, at: number, ms: number, facts: RequestFacts, trace: RequestTrace | undefined): void {
    const { key, service, operation, proven, parameters, response: answer, error } = facts;
    const caller = key === undefined ? undefined : { accountId: key.accountId, accessKeyId: key.accessKeyId, principalArn: key.principalArn };
    if (operation !== 'Health' && operation !== 'Metrics') trace?.end(`${service} ${operation ?? 'unknown'}`, {
      'http.request.method': request.method, 'http.response.status_code': response.statusCode, 'aws.request_id': requestId, 'tardigrade.account.id': caller?.accountId, 'error.type': error?.code,
    }, response.statusCode >= 500 ? (error?.code ?? 'internal error') : undefined);
    log.debug({ requestId, trace: trace?.context.traceId, service, operation: operation ?? 'unknown', account: caller?.accountId, principal: caller?.principalArn ?? caller?.accessKeyId, status: response.statusCode, error: error?.code, ms: Math.round(ms) }, 'served');
    deps.counts?.apiRequest({ service, operation, status: response.statusCode, error: error?.code, ms });
    deps.served?.({
      requestId, at, ms, method: request.method ?? '', service, operation, caller, proven, sourceIp: request.socket.remoteAddress, userAgent: request.headers['user-agent'],
      parameters, response: answer, status: response.statusCode, error,
    });
  }

  const listener = (site?: ConsoleSite) => (request: IncomingMessage, response: ServerResponse): void => {
    response.once('error', (error) => log.debug({ err: error }, 'client went away'));
    serve(request, response, site).catch((error: unknown) => {
      log.error({ err: error }, 'answer failed');
      response.destroy();
    });
  };
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: requestMs }, listener(deps.console));
  const endUpgraded = deps.console === undefined ? undefined : takeUpgrades(server, deps.console);
  const toGuests = deps.guests === undefined ? undefined : { ...deps.guests, server: createGuestListener(deps.guests, listener()) };

  return {
    async listen() {
      const guests = toGuests === undefined ? {} : { guestPort: await listenAt(toGuests.server, toGuests.host, toGuests.port, 'set TARDIGRADE_GUEST_API to 0') };
      return { ...guests, port: await listenAt(server, config.apiHost, config.apiPort, 'free the port or set TARDIGRADE_API_PORT', 'api') };
    },
    async close() {
      closing.abort(new Error('the server closes'));
      endUpgraded?.();
      await Promise.all([server, toGuests?.server].map(drain));
    },
  };
}

function listenAt(server: Server, host: string, port: number, wayOut: string, socketName?: string): Promise<number> {
  return listenOn(server, host, port, ({ code, message }) => `the API cannot listen on ${host}:${port} (${code ?? message}): ${wayOut}`, socketName);
}

async function drain(server: Server | undefined): Promise<void> {
  if (server?.listening !== true) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearTimeout(timer);
}

function answerHealth(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"status":"ok"}');
}

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (!done) fn();
    done = true;
  };
}
