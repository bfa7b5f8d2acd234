/**
 * An admitted `Upgrade` request (WebSocket above all): the application decides, and after its 101 the two connections
 * are joined, bytes untouched, half-close passed on. Any other answer goes to the client and ends its connection.
 */
import { randomUUID } from 'node:crypto';
import { request, ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../errors/index.js';
import { UnreachableError } from '../microvms/contracts.js';
import type { Target } from './authorize.js';
import { upstreamOptions, type ForwardDeps } from './forward.js';
import { toApplication, toClient, without } from './headers.js';
import { pump } from './pump.js';
import { REFUSAL, UNREACHABLE, type Refusal } from './refusals.js';
import { refuse, startAnswer } from './respond.js';
import { MARKER, type Subprotocols } from './subprotocols.js';
import type { UpstreamOptions } from './upstream-agent.js';

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
export function forwardUpgrade(deps: ForwardDeps, req: IncomingMessage, head: Buffer, target: Target, offered: Subprotocols): void {
  const { socket } = req;
  const { id } = target.microvm;
  const touch = (): void => deps.gateway.touch(id);
  const res = responseOn(req);
  let dialing: AbortController | undefined;
  const upstream = request({
    ...upstreamOptions(deps.agent, req, target, upgradeHeaders(req, offered)),
    onDial: (controller: AbortController) => (dialing = controller),
  } as UpstreamOptions);
  upstream.shouldKeepAlive = false; // joined or refused, this connection serves one client
  const giveUp = (refusal: Refusal): void => {
    if (!res.closed && !res.headersSent) refuse(res, refusal);
  };
  const abandon = (): void => {
    dialing?.abort();
    upstream.destroy();
  };
  touch();
  socket.once('close', abandon);
  res.on('error', abandon);
  upstream.on('error', (error) => {
    deps.log.debug({ microvmId: id, port: target.port, detail: messageOf(error) }, 'upgrade not reached the application');
    giveUp(error instanceof UnreachableError ? UNREACHABLE[error.reason] : REFUSAL.appFailed);
  });
  upstream.once('response', (answer) => {
    try {
      startAnswer(res, answer);
    } catch (error) {
      deps.log.debug({ microvmId: id, reason: messageOf(error) }, 'the application answered a head that cannot be sent on');
      return giveUp(REFUSAL.appFailed);
    }
    pump(answer, res, touch);
    answer.once('end', () => res.end());
    answer.once('close', () => {
      if (!answer.complete) socket.destroy();
    });
  });
  upstream.once('upgrade', (answer, stream, upstreamHead) => {
    socket.off('close', abandon);
    res.sendDate = false;
    res.writeHead(101, answer.statusMessage ?? '', switchingHeaders(answer, offered));
    res.flushHeaders();
    res.detachSocket(socket);
    join(socket, head, stream, upstreamHead, touch);
  });
  upstream.end();
}

function upgradeHeaders(req: IncomingMessage, offered: Subprotocols): string[] {
  const headers = without(toApplication(req.rawHeaders, randomUUID()), PROTOCOL);
  if (offered.others.length > 0) headers.push('Sec-WebSocket-Protocol', offered.others.join(', '));
  headers.push('Connection', 'Upgrade', 'Upgrade', req.headers.upgrade ?? '');
  return headers;
}

/** A client that offered the marker must be answered one of its offers: the application's choice, else the marker. */
function switchingHeaders(answer: IncomingMessage, offered: Subprotocols): string[] {
  const headers = toClient(answer.rawHeaders);
  if (offered.marked && answer.headers[PROTOCOL] === undefined) headers.push('Sec-WebSocket-Protocol', MARKER);
  headers.push('Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? '');
  return headers;
}

function join(client: Duplex, clientHead: Buffer, app: Duplex, appHead: Buffer, touch: () => void): void {
  // The end of one direction is not the end of the other.
  client.allowHalfOpen = true;
  app.allowHalfOpen = true;
  if (appHead.length > 0) client.write(appHead);
  if (clientHead.length > 0) app.write(clientHead);
  for (const [from, to] of [[client, app], [app, client]] as const) {
    pump(from, to, touch);
    from.once('end', () => to.end());
    // A reset of one side must not look like an end to the other.
    from.once('error', () => to.destroy());
    from.once('close', () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    });
  }
}
