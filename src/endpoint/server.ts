/** The endpoint: TLS, HTTP/1.1, routed by host name to the applications in MicroVMs (spec §5). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { messageOf, OperatorError } from '../errors/index.js';
import type { MicrovmGateway } from '../microvms/contracts.js';
import { createAuthorize, type Admission, type Authorize } from './authorize.js';
import type { Certificates } from './certificates.js';
import { forward, type ForwardDeps } from './forward.js';
import { REFUSAL } from './refusals.js';
import { refuse } from './respond.js';
import { createShellServer } from './shell/server.js';
import { hasBody, isUnambiguous } from './strictness.js';
import { parseSubprotocols, type Subprotocols } from './subprotocols.js';
import type { TokenService } from './tokens.js';
import { UpstreamAgent } from './upstream-agent.js';
import { forwardUpgrade, responseOn } from './upgrade.js';

export interface EndpointServer {
  /** Throws OperatorError when the address cannot be had. */
  listen(): Promise<{ readonly port: number }>;
  /** Ends every connection, also those in use. */
  close(): Promise<void>;
}

export interface EndpointServerDeps {
  readonly config: Pick<Config, 'endpointHost' | 'endpointPort' | 'domain'>;
  readonly certificates: Pick<Certificates, 'current' | 'onChange'>;
  readonly tokens: Pick<TokenService, 'verify'>;
  readonly gateway: MicrovmGateway;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
}

/** A client has this long to send the head of a request. Unknown: endpoint-limits, as the next two */
const HEAD_TIMEOUT_MS = 60_000;
/** A connection without a request is kept this long. AWS's figure is not published; 60 s is what its load balancers use. */
const KEEP_ALIVE_MS = 60_000;
/** All header fields together, bytes. AWS's figure is not published; a token takes about 1 KB of it. */
const MAX_HEAD_BYTES = 32 * 1024;

export function createEndpointServer(deps: EndpointServerDeps): EndpointServer {
  const { config, certificates, gateway, log } = deps;
  const authorize = createAuthorize({ domain: config.domain, tokens: deps.tokens, gateway });
  const agent = new UpstreamAgent(gateway);
  const forwarding: ForwardDeps = { gateway, agent, log };
  const openShell = createShellServer({ gateway, log });
  /** Every connection, from before its handshake until after an upgrade: node's own list misses both. */
  const connections = new Set<Duplex>();

  const server = createServer({
    ...certificates.current(),
    ALPNProtocols: ['http/1.1'],
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: 0, // an upload may take as long as it takes
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  });
  server.maxHeadersCount = 0; // none may be dropped silently; MAX_HEAD_BYTES bounds them
  const unsubscribe = certificates.onChange(() => server.setSecureContext(certificates.current()));

  const track = (socket: Duplex): void => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  };

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    admit(authorize, req, undefined).then(
      (admission) => {
        if (res.closed) return;
        if ('refusal' in admission) refuse(res, admission.refusal);
        else if ('shell' in admission) refuse(res, REFUSAL.shellOnly);
        else forward(forwarding, req, res, admission.target);
      },
    ).catch((error: unknown) => fault(res, error));
  };

  const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Node has let go of this connection: its errors and its end are ours.
    socket.on('error', () => socket.destroy());
    track(socket);
    const offered = parseSubprotocols(req.headers['sec-websocket-protocol']);
    const admission = hasBody(req) ? Promise.resolve({ refusal: REFUSAL.badRequest }) : admit(authorize, req, offered);
    admission.then(
      (admitted) => {
        if (socket.destroyed) return;
        if ('refusal' in admitted) refuse(responseOn(req), admitted.refusal);
        else if ('shell' in admitted) openShell(req, socket, head, admitted.shell.id, (refusal) => refuse(responseOn(req), refusal));
        else forwardUpgrade(forwarding, req, head, admitted.target, offered);
      },
    ).catch((error: unknown) => {
      log.error({ detail: messageOf(error) }, 'endpoint: upgrade failed');
      socket.destroy();
    });
  };

  const fault = (res: ServerResponse, error: unknown): void => {
    log.error({ detail: messageOf(error) }, 'endpoint: request failed');
    if (!res.closed) refuse(res, REFUSAL.internal);
  };

  server.on('connection', track);
  server.on('request', onRequest);
  server.on('checkContinue', onRequest); // the application says whether it wants the body
  server.on('upgrade', onUpgrade);
  server.on('connect', (req, socket) => {
    socket.on('error', () => socket.destroy());
    refuse(responseOn(req), REFUSAL.badRequest);
  });

  return {
    listen: () => listen(server, config.endpointHost, config.endpointPort),
    async close() {
      unsubscribe();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const socket of connections) socket.destroy();
      agent.destroy();
      await closed;
    },
  };
}

async function admit(authorize: Authorize, req: IncomingMessage, offered: Subprotocols | undefined): Promise<Admission> {
  if (!isUnambiguous(req)) return { refusal: REFUSAL.badRequest };
  // The TLS socket's; false or null when the client sent none.
  const serverName = 'servername' in req.socket ? req.socket.servername : undefined;
  return authorize({
    host: req.headers.host ?? '',
    serverName: typeof serverName === 'string' && serverName !== '' ? serverName : undefined,
    token: text(req.headers['x-aws-proxy-auth']) ?? offered?.token,
    port: text(req.headers['x-aws-proxy-port']) ?? offered?.port,
  });
}

/** Node joins repeated fields of these names by commas: such a value is no token and no port. Unknown: endpoint-dup-auth */
function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function listen(server: Server, host: string, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(new OperatorError(`the endpoint cannot listen on ${host}:${port}: ${error.message}; free it, or set TARDIGRADE_ENDPOINT_HOST and TARDIGRADE_ENDPOINT_PORT`));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve({ port: (server.address() as AddressInfo).port });
    });
  });
}
