/** One listener for all guests. A guest is known by the source address of its connection, which its link cannot forge. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { messageOf } from '../errors/index.js';
import { listenOn, peerAddress } from '../sockets/listen.js';
import { answer, type AnswerDeps, type MetadataAnswer } from './answer.js';
import type { Guests, MetadataServer, MetadataSubject } from './contracts.js';
import { createSeldom } from './seldom.js';
import type { SourceLimits } from './source-limits.js';

export interface MetadataServerDeps extends Omit<AnswerDeps, 'failed'> {
  readonly guests: Guests;
  readonly limits: SourceLimits;
  /** As Clock.steady. */
  readonly steady: () => number;
  /** Is told paths and statuses, never a token or a credential. */
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
  /** ms; for tests. */
  readonly headersTimeout?: number;
}

/** Bytes; a session token and what SDKs send beside it take a few hundred. */
const MAX_HEADER_BYTES = 8 * 1024;
/** ms for a request's head, and for all of it, and for a connection without one. */
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
/** How often slow clients are looked for. */
const CHECK_MS = 1_000;

interface Peer {
  readonly address: string;
  readonly microvmId: string;
}

export function createMetadataServer(deps: MetadataServerDeps): MetadataServer {
  const { guests, limits, log } = deps;
  const peers = new WeakMap<Socket, Peer>();
  const seldom = createSeldom(deps.steady);
  const parts: AnswerDeps = {
    ...deps,
    failed({ id, executionRoleArn }, { message }) {
      if (seldom(id, message)) log.warn({ microvm: id, role: executionRoleArn, reason: message }, 'no credentials of an execution role');
    },
  };

  function accept(socket: Socket): void {
    const address = peerAddress(socket);
    const subject = guests.at(address);
    // Builds too: what a build may use its role for is done on its behalf, outside of it. Unknown: metadata-build
    const ended = subject === undefined ? undefined : limits.connect(address);
    if (subject === undefined || ended === undefined) return void socket.destroy();
    peers.set(socket, { address, microvmId: subject.id });
    socket.once('close', ended);
  }

  /** The same MicroVM as when it connected: an address is used again once its link is gone. */
  function subjectOf(socket: Socket): MetadataSubject | undefined {
    const peer = peers.get(socket);
    const subject = peer === undefined ? undefined : guests.at(peer.address);
    return subject?.id === peer?.microvmId ? subject : undefined;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const subject = subjectOf(request.socket);
    if (subject === undefined) return void request.socket.destroy();
    const { method = '', url: target = '', headers } = request;
    const limited = !limits.ask(peerAddress(request.socket));
    const given: MetadataAnswer = limited ? { status: 429, body: 'Too many requests.', headers: { 'retry-after': '1', connection: 'close' } } : await answer(parts, subject, { method, target, headers });
    send(request, response, given);
    if (!limited) log.debug({ microvm: subject.id, method, target: target.slice(0, 256), status: given.status }, 'metadata served');
  }

  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: deps.headersTimeout ?? HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS, connectionsCheckingInterval: Math.min(CHECK_MS, deps.headersTimeout ?? CHECK_MS) },
    (request, response) => {
      response.once('error', (error) => log.debug({ error: error.message }, 'a guest went away'));
      serve(request, response).catch((error: unknown) => {
        log.error({ error: messageOf(error) }, 'metadata not served');
        if (response.headersSent) response.destroy();
        else send(request, response, { status: 500, body: 'Internal error.' });
      });
    },
  );
  server.on('connection', accept);

  return {
    listen: async (host, port) => ({ port: await listenOn(server, host, port, ({ code, message }) => `the metadata service cannot listen on ${host}:${port} (${code ?? message})`) }),
    async close() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function send({ headers, method }: IncomingMessage, response: ServerResponse, { status, body, headers: own = {} }: MetadataAnswer): void {
  if (response.destroyed) return;
  // No request of this protocol has a body: one that does is not read to its end.
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...own, ...(hasBody ? { connection: 'close' } : {}) });
  response.end(method === 'HEAD' ? undefined : body, () => {
    if (hasBody) response.socket?.destroySoon();
  });
}
