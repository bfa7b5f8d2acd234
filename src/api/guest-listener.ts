/** The API as guests reach it, where the operator lets them: the same requests, on a listener that no guest can take for itself. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { peerAddress } from '../sockets/listen.js';

export interface GuestAccess {
  readonly host: string;
  readonly port: number;
  /**
   * Answers what to call when the connection has ended; undefined: that address is no guest's, or it has as many
   * connections as it may.
   */
  readonly admit: (sourceAddress: string) => (() => void) | undefined;
}

/** ms for a request's head, for all of it, an upload included, and for a connection without one. */
const headersMs = 10_000;
const requestMs = 15 * 60_000;
const keepAliveMs = 20_000;

export function createGuestListener({ admit }: GuestAccess, serve: RequestListener): Server {
  const server = createServer({ headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: keepAliveMs, connectionsCheckingInterval: 2_000 }, serve);
  server.on('connection', (socket: Socket) => {
    const ended = admit(peerAddress(socket));
    if (ended === undefined) socket.destroy();
    else socket.once('close', ended);
  });
  return server;
}
