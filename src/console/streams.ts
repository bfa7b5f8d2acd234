/** What outlasts a request: answers that stream and WebSockets. They end with their session. */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SECURITY_HEADERS, sendRefusal, type ConsoleRefusal } from './respond.js';
import type { Session, Sessions } from './sessions.js';

/** Breaks the connection once the session no longer holds. */
export function watchSession(sessions: Pick<Sessions, 'holds'>, session: Session, connection: ServerResponse | Duplex, everyMs: number): void {
  const timer = setInterval(() => {
    if (!sessions.holds(session)) connection.destroy();
  }, everyMs);
  timer.unref();
  connection.once('close', () => clearInterval(timer));
}

/** Answers on the connection that node handed over with the request, and ends it. */
export function refuseUpgrade(request: IncomingMessage, refusal: ConsoleRefusal): void {
  const { socket } = request;
  if (socket.destroyed) return;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.end());
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  sendRefusal(response, refusal);
}
