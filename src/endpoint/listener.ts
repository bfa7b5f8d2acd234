/** One TLS port for HTTP/1.1 and HTTP/2: ALPN decides which of node's two servers a connection is given to. */
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type Server, type TLSSocket } from 'node:tls';
import { listenOn } from '../sockets/listen.js';
import type { Certificates } from './certificates.js';
import type { RawHeaders } from './headers.js';
import { StallWatch } from './stalled.js';
import { UnderWay } from './under-way.js';

export interface Handlers {
  readonly request: (req: IncomingMessage, res: ServerResponse) => void;
  /** Node has let go of the socket; its errors are taken care of. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly tunnel: (req: IncomingMessage, socket: Duplex) => void;
  /** A client has come, its handshake done, or gone. */
  readonly connection: (change: 1 | -1) => void;
  readonly stream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: RawHeaders, flags: number) => void;
}

export interface Listener {
  /** Throws OperatorError when the address cannot be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Takes no new connections, gives requests under way `graceMs` to end, then ends every connection, also those in use. */
  close(graceMs?: number): Promise<void>;
}

/** A client has this long for its TLS handshake. Unknown: endpoint-limits, as the next ones */
const HANDSHAKE_MS = 15_000;
/** … and this long to send the head of a request. */
const HEAD_TIMEOUT_MS = 60_000;
/** A connection without a request is kept this long. AWS's figure is not published; 60 s is what its load balancers use. */
const KEEP_ALIVE_MS = 60_000;
/** All header fields together, bytes. AWS's figure is not published; a token takes about 1 KB of it. */
const MAX_HEAD_BYTES = 32 * 1024;
const MAX_HTTP2_FIELDS = 1000;
const MAX_HTTP2_STREAMS = 128;
/** Bytes a client may send ahead of the application's reading: for each stream, and for all of a connection. */
const STREAM_WINDOW = 256 * 1024;
const SESSION_WINDOW = 4 * 1024 * 1024;

export interface Timing {
  /** For the head of a request. */
  readonly headMs: number;
  /** Between looks at who is late. */
  readonly lookMs: number;
}

const TIMING: Timing = { headMs: HEAD_TIMEOUT_MS, lookMs: 10_000 };

export function createListener(certificates: Pick<Certificates, 'current' | 'onChange'>, handlers: Handlers, timing: Timing = TIMING): Listener {
  /** Every connection, from before its handshake until after an upgrade: node's own list misses both. */
  const connections = new Set<Socket>();
  /** Those with a handshake behind them: what waits for a client waits here. Node's HTTP/2 writes past it, bounded by the client's own window. */
  const secure = new Set<TLSSocket>();
  const http1 = createHttp1Server({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: timing.headMs,
    connectionsCheckingInterval: timing.lookMs,
    requestTimeout: 0, // an upload may take as long as it takes
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  http1.maxHeadersCount = 0; // none may be dropped silently; MAX_HEAD_BYTES bounds them
  const underWay = new UnderWay();
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    underWay.add(res);
    handlers.request(req, res);
  };
  http1.on('request', onRequest);
  http1.on('checkContinue', onRequest); // the application says whether it wants the body
  http1.on('upgrade', (req, socket, head) => handlers.upgrade(req, owned(socket), head));
  http1.on('connect', (req, socket) => handlers.tunnel(req, owned(socket)));

  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: MAX_HTTP2_STREAMS, maxHeaderListSize: MAX_HEAD_BYTES, initialWindowSize: STREAM_WINDOW, enablePush: false },
    maxHeaderListPairs: MAX_HTTP2_FIELDS,
    maxSendHeaderBlockLength: 2 * MAX_HEAD_BYTES,
  });
  http2.on('session', prepare);
  http2.on('sessionError', () => undefined); // the session closes, and its streams hear of it
  http2.on('stream', (stream, headers, flags, ...[raw]: [RawHeaders?]) => {
    stream.on('error', () => undefined); // `close` follows, and tells
    underWay.add(stream);
    handlers.stream(stream, headers, raw ?? [], flags);
  });

  const tls: Server = createTlsServer(
    { ...certificates.current(), ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: HANDSHAKE_MS, noDelay: true },
    (socket) => {
      secure.add(socket);
      handlers.connection(1);
      socket.once('close', () => {
        secure.delete(socket);
        handlers.connection(-1);
      });
      (socket.alpnProtocol === 'h2' ? http2 : http1).emit('connection', socket);
    },
  );
  tls.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const unsubscribe = certificates.onChange(() => tls.setSecureContext(certificates.current()));
  const stalls = new StallWatch(secure).start();

  return {
    async listen(host, port) {
      http1.emit('listening'); // it never listens itself, and would not watch the time of its connections
      return listen(tls, host, port);
    },
    async close(graceMs = 0) {
      unsubscribe();
      const closed = new Promise<void>((resolve) => tls.close(() => resolve()));
      if (graceMs > 0) await underWay.ended(graceMs);
      stalls.stop();
      http1.close();
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function prepare(session: ServerHttp2Session): void {
  let streams = 0;
  session.on('error', () => undefined); // it closes then
  session.on('stream', (stream) => {
    streams += 1;
    stream.once('close', () => (streams -= 1));
  });
  session.setLocalWindowSize(SESSION_WINDOW);
  session.setTimeout(KEEP_ALIVE_MS, () => {
    if (streams === 0) session.close();
  });
}

function owned(socket: Duplex): Duplex {
  return socket.on('error', () => socket.destroy());
}

async function listen(server: Server, host: string, port: number): Promise<{ port: number }> {
  return { port: await listenOn(server, host, port, ({ message }) => `the endpoint cannot listen on ${host}:${port}: ${message}; free it, or set TARDIGRADE_ENDPOINT_HOST and TARDIGRADE_ENDPOINT_PORT`, 'endpoint') };
}
