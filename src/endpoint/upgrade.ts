/**
 * An admitted `Upgrade` request (WebSocket above all): the application decides, and after its 101 the two connections
 * are joined, bytes untouched, half-close passed on. Any other answer goes to the client and ends its connection.
 */
import { randomUUID } from 'node:crypto';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Target } from './authorize.js';
import { destinationOf, forward, type ForwardDeps } from './exchange.js';
import { Flow, type Pace } from './flow.js';
import { countOf, toApplication, toClient, without } from './headers.js';
import { Http1Inbound } from './inbound-http1.js';
import { MARKER, type Subprotocols } from './subprotocols.js';
import type { AnswerHead } from './upstream/contracts.js';

const PROTOCOL = 'sec-websocket-protocol';

/** A response on the connection that node handed over with the request; it ends the connection. */
export function responseOn(req: IncomingMessage): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(req.socket);
  res.once('finish', () => req.socket.end());
  return res;
}

/** `head`: bytes the client sent right after its request. The connection has an error listener already. */
export function forwardUpgrade(deps: ForwardDeps, req: IncomingMessage, head: Buffer, target: Target, offered: Subprotocols, pace: Pace | undefined): void {
  const { socket } = req;
  const { id } = target.microvm;
  const res = responseOn(req);
  const inbound = new Http1Inbound(req, res);
  forward(deps, inbound, target, pace, {
    destination: destinationOf(target, req.headers.host ?? '', 'http1'),
    request: { method: inbound.method, path: inbound.path, headers: upgradeHeaders(inbound, offered), hasBody: false, upgrade: req.headers.upgrade ?? '' },
    onSwitch: (answer, stream, rest) => {
      res.sendDate = false;
      res.writeHead(101, answer.reason, switchingHeaders(answer, offered));
      res.flushHeaders();
      res.detachSocket(socket);
      join({ client: socket, head }, { app: stream, head: rest }, pace, (direction, bytes) => {
        deps.gateway.touch(id);
        deps.metrics.proxyBytes(direction, bytes);
      });
    },
  });
}

function upgradeHeaders({ headers, clientAddress }: Http1Inbound, offered: Subprotocols): string[] {
  const passed = without(toApplication(headers, { clientAddress, requestId: randomUUID() }), PROTOCOL);
  if (offered.others.length > 0) passed.push('Sec-WebSocket-Protocol', offered.others.join(', '));
  return passed;
}

/** A client that offered the marker must be answered one of its offers: the application's choice, else the marker. */
function switchingHeaders(answer: AnswerHead, offered: Subprotocols): string[] {
  const headers = toClient(answer.headers);
  if (offered.marked && countOf(headers, PROTOCOL) === 0) headers.push('Sec-WebSocket-Protocol', MARKER);
  const upgrade = answer.headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'upgrade');
  headers.push('Connection', 'Upgrade', 'Upgrade', upgrade < 0 ? '' : (answer.headers[upgrade + 1] ?? ''));
  return headers;
}

function join({ client, head }: { client: Duplex; head: Buffer }, { app, head: appHead }: { app: Duplex; head: Buffer }, pace: Pace | undefined, moved: (direction: 'in' | 'out', bytes: number) => void): void {
  // The end of one direction is not the end of the other.
  client.allowHalfOpen = true;
  app.allowHalfOpen = true;
  if (appHead.length > 0) client.write(appHead);
  if (head.length > 0) app.write(head);
  for (const [from, to, direction] of [[client, app, 'in'], [app, client, 'out']] as const) {
    const flow = new Flow(from);
    from.on('data', (chunk: Buffer) => {
      moved(direction, chunk.length);
      if (!to.write(chunk)) flow.hold('sink');
      flow.spend(pace, chunk.length);
    });
    to.on('drain', () => flow.release('sink'));
    from.once('end', () => to.end());
    // A reset of one side must not look like an end to the other.
    from.once('error', () => to.destroy());
    from.once('close', () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    });
    from.resume();
  }
}
