/**
 * Requests with an Upgrade header. A server that takes any gets them all, with the body unparsed; but only the console's
 * are meant for that. Others come from clients that offer HTTP/2 with every request (`Upgrade: h2c`), which a server
 * may ignore (RFC 9110 §7.8): they are parsed again without the offer.
 */
import { type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CONSOLE_PATH, type ConsoleSite } from '../console/contracts.js';

/** Answers how to end the connections that were taken over: a server that closes waits for them, and does not know them. */
export function takeUpgrades(server: Server, site: ConsoleSite): () => void {
  const taken = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.url?.startsWith(`${CONSOLE_PATH}/`) !== true) return parseAgain(server, request, socket, head);
    taken.add(socket);
    socket.once('close', () => taken.delete(socket));
    site.upgrade(request, socket, head);
  });
  return () => {
    for (const socket of taken) socket.destroy();
  };
}

function parseAgain(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]?.toLowerCase() !== 'upgrade') lines.push(`${request.rawHeaders[i] ?? ''}: ${request.rawHeaders[i + 1] ?? ''}`);
  }
  // As node read them: a byte is a character.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
