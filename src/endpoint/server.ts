/** The endpoint: requests of any protocol, admitted by host name and token, to the applications in MicroVMs (spec §5). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import { noProxyMetrics, type ProxyMetrics } from '../metrics/contracts.js';
import type { MicrovmGateway } from '../microvms/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { createAuthorize, type Admission } from './authorize.js';
import type { Certificates } from './certificates.js';
import { errandOf, forward, type ForwardDeps } from './exchange.js';
import type { Pace } from './flow.js';
import type { RawHeaders } from './headers.js';
import { Http1Inbound } from './inbound-http1.js';
import { inboundOf } from './inbound-http2.js';
import type { Inbound } from './inbound.js';
import { createListener } from './listener.js';
import { outcomeOfRefusal } from './outcomes.js';
import { REFUSAL, type Refusal } from './refusals.js';
import { refuse } from './respond.js';
import { createShellServer } from './shell/server.js';
import { hasBody, isUnambiguous } from './strictness.js';
import { parseSubprotocols, type Subprotocols } from './subprotocols.js';
import type { TokenMemo, TokenService } from './tokens.js';
import { forwardUpgrade, responseOn } from './upgrade.js';
import { Upstreams } from './upstream/upstreams.js';
import { Connections, Paces, type VmLimitOf } from './vm-limits.js';

export interface EndpointServer {
  /** Throws OperatorError when the address cannot be had. */
  listen(): Promise<{ readonly port: number }>;
  /** Takes no new connections, gives requests under way `graceMs` to end (default: none), then ends every connection. */
  close(graceMs?: number): Promise<void>;
}

export interface EndpointServerDeps {
  readonly config: Pick<Config, 'endpointHost' | 'endpointPort' | 'domain'>;
  readonly certificates: Pick<Certificates, 'current' | 'onChange'>;
  readonly tokens: Pick<TokenService, 'verify'>;
  readonly gateway: MicrovmGateway;
  /** None unless given. */
  readonly limitOf?: VmLimitOf;
  /** Default: nobody counts. */
  readonly metrics?: ProxyMetrics;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
}

export function createEndpointServer(deps: EndpointServerDeps): EndpointServer {
  const { config, gateway, log, metrics = noProxyMetrics } = deps;
  const authorize = createAuthorize({ domain: config.domain, tokens: deps.tokens, gateway });
  const upstreams = new Upstreams(gateway);
  const forwarding: ForwardDeps = { gateway, upstreams, metrics, log };
  const openShell = createShellServer({ gateway, opened: () => metrics.proxyRequest('shell'), log });
  const counted = new Connections();
  const paces = new Paces();
  const memos = new WeakMap<Duplex, TokenMemo>();
  /**
   * Connections with an ambiguous request. Where it ended is in doubt, so that what follows on them is no request: node
   * has often parsed it by the time the refusal closes the connection.
   */
  const condemned = new WeakSet<Duplex>();

  const counting = (refusal: Refusal): Refusal => {
    metrics.proxyRequest(outcomeOfRefusal(refusal));
    return refusal;
  };

  /** Undefined when the MicroVM has all the connections it may have. */
  const admitConnection = (microvm: MicrovmRecord, connection: Duplex): { pace: Pace | undefined } | undefined => {
    const limit = deps.limitOf?.(microvm);
    if (!counted.admit(microvm.id, connection, limit?.connections)) return undefined;
    return { pace: paces.of(microvm.id, limit?.bytesPerSecond) };
  };

  const admitHttp1 = (req: IncomingMessage, offered: Subprotocols | undefined): Admission | Promise<Admission> => {
    const { headers, socket } = req;
    if (!isUnambiguous(req)) {
      condemned.add(socket);
      return { refusal: REFUSAL.badRequest };
    }
    return authorize({
      host: headers.host ?? '', serverName: serverNameOf(socket), memo: memoOf(socket),
      token: text(headers['x-aws-proxy-auth']) ?? offered?.token, port: text(headers['x-aws-proxy-port']) ?? offered?.port,
    });
  };

  const answer = (inbound: Inbound, connection: Duplex, admission: Admission, host: string, http2: boolean): void => {
    if (inbound.isClosed) return metrics.proxyRequest('client-left');
    if ('refusal' in admission) return inbound.refuse(counting(admission.refusal));
    if ('shell' in admission) return inbound.refuse(counting(REFUSAL.shellOnly));
    const { target } = admission;
    const allowed = admitConnection(target.microvm, connection);
    if (allowed === undefined) return inbound.refuse(counting(REFUSAL.tooMany));
    forward(forwarding, inbound, target, allowed.pace, errandOf(inbound, target, host, http2));
  };

  const fault = (inbound: Inbound, error: unknown): void => {
    log.error({ detail: messageOf(error) }, 'endpoint: request failed');
    if (!inbound.isClosed) inbound.refuse(counting(REFUSAL.internal));
  };

  /** Without a turn of the event loop when the token is known. */
  const whenAdmitted = (inbound: Inbound, admission: Admission | Promise<Admission>, go: (admission: Admission) => void): void => {
    if (admission instanceof Promise) return void admission.then(go).catch((error: unknown) => fault(inbound, error));
    try {
      go(admission);
    } catch (error) {
      fault(inbound, error);
    }
  };

  const memoOf = (connection: Duplex): TokenMemo => {
    let memo = memos.get(connection);
    if (memo === undefined) memos.set(connection, (memo = {}));
    return memo;
  };

  const listener = createListener(deps.certificates, {
    request(req: IncomingMessage, res: ServerResponse) {
      if (condemned.has(req.socket)) return;
      const inbound = new Http1Inbound(req, res);
      whenAdmitted(inbound, admitHttp1(req, undefined), (admission) =>
        answer(inbound, req.socket, admission, req.headers.host ?? '', forcesHttp2(req.headers)));
    },

    stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: RawHeaders, flags: number) {
      const connection = stream.session?.socket;
      if (connection === undefined) return;
      const inbound = inboundOf(stream, raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
      if (inbound === undefined) return stream.respond({ ':status': REFUSAL.badRequest.status }, { endStream: true });
      const host = inbound.headers[1] ?? '';
      const admission = authorize({
        host, serverName: serverNameOf(connection), memo: memoOf(connection),
        token: text(headers['x-aws-proxy-auth']), port: text(headers['x-aws-proxy-port']),
      });
      whenAdmitted(inbound, admission, (admitted) => answer(inbound, connection, admitted, host, forcesHttp2(headers) || isGrpc(headers)));
    },

    upgrade(req: IncomingMessage, socket: Duplex, head: Buffer) {
      if (condemned.has(req.socket)) return;
      const offered = parseSubprotocols(req.headers['sec-websocket-protocol']);
      const admission = hasBody(req) ? { refusal: REFUSAL.badRequest } : admitHttp1(req, offered);
      Promise.resolve(admission).then((admitted) => {
        if (socket.destroyed) return;
        if ('refusal' in admitted) return refuse(responseOn(req), counting(admitted.refusal));
        const microvm = 'shell' in admitted ? admitted.shell : admitted.target.microvm;
        const allowed = admitConnection(microvm, socket);
        if (allowed === undefined) return refuse(responseOn(req), counting(REFUSAL.tooMany));
        if ('shell' in admitted) return openShell(req, socket, head, microvm.id, (refusal) => refuse(responseOn(req), counting(refusal)));
        forwardUpgrade(forwarding, req, head, admitted.target, offered, allowed.pace);
      }).catch((error: unknown) => {
        log.error({ detail: messageOf(error) }, 'endpoint: upgrade failed');
        socket.destroy();
      });
    },

    tunnel: (req) => refuse(responseOn(req), counting(REFUSAL.badRequest)),
    connection: (change) => metrics.proxyConnection(change),
  });

  return {
    listen: () => listener.listen(config.endpointHost, config.endpointPort),
    async close(graceMs) {
      await listener.close(graceMs);
      upstreams.close();
    },
  };
}

/** Of the TLS socket; none when the client sent none. */
function serverNameOf(connection: Duplex): string | undefined {
  const name = 'servername' in connection ? connection.servername : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** HTTP/2 to an application that speaks no TLS. */
function forcesHttp2(headers: IncomingHttpHeaders): boolean {
  return text(headers['x-aws-proxy-force-h2'])?.toLowerCase() === 'true';
}

/** A gRPC client's own HTTP/2 means HTTP/2 up to the application: gRPC has no meaning over HTTP/1.1. Unknown: endpoint-grpc */
function isGrpc(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc(?:$|[+;])/i.test(headers['content-type'] ?? '');
}

/** Node joins repeated fields of these names by commas: such a value is no token and no port. Unknown: endpoint-dup-auth */
function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
