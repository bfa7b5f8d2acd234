/** Shells over WebSocket (spec §6): any path, a shell token, SHELL_INGRESS. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { messageOf } from '../../errors/index.js';
import { SessionRefusedError, UnreachableError, type GuestSession, type MicrovmGateway, type SessionSpec } from '../../microvms/contracts.js';
import { SESSION_PROTOCOL } from '../contracts.js';
import { REFUSAL, UNREACHABLE, type Refusal } from '../refusals.js';
import { MARKER } from '../subprotocols.js';
import { bridge } from './bridge.js';
import { awsFraming, errorText, initText, sessionFraming, type Framing } from './framing.js';
import { MESSAGE_MAX, parseStart } from './messages.js';

export interface ShellServerDeps {
  readonly gateway: Pick<MicrovmGateway, 'openSession' | 'touch' | 'answered'>;
  /** A session runs. */
  readonly opened?: () => void;
  readonly log: Pick<Logger, 'debug' | 'error'>;
  /** ms to wait for the first message of the extension; default 10 s */
  readonly startMs?: number;
  readonly pingMs?: number;
}

/** Takes over the connection of an admitted upgrade; `refuse` answers instead and ends it. */
export type OpenShell = (req: IncomingMessage, socket: Duplex, head: Buffer, microvmId: string, refuse: (refusal: Refusal) => void) => void;

const START_MS = 10_000;
/** Time for the rest of a slow client's output to arrive, and its answer to the close. */
const CLOSE_MS = 120_000;

export function createShellServer(deps: ShellServerDeps): OpenShell {
  const { gateway, log } = deps;
  const options: ServerOptions & { closeTimeout: number } = { // the types of ws lag behind its options
    noServer: true, clientTracking: false, maxPayload: MESSAGE_MAX, perMessageDeflate: false, closeTimeout: CLOSE_MS,
    handleProtocols: (offered) => [SESSION_PROTOCOL, MARKER].find((name) => offered.has(name)) ?? false,
  };
  const server = new WebSocketServer(options);

  const accept = (req: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> =>
    new Promise((resolve) => {
      server.handleUpgrade(req, socket, head, (ws) => {
        ws.on('error', (error) => log.debug({ detail: messageOf(error) }, 'a client broke the WebSocket protocol'));
        resolve(ws);
      });
    });

  const join = (ws: WebSocket, session: GuestSession, microvmId: string, framing: Framing): void => {
    ws.send(initText(randomUUID()));
    gateway.answered(microvmId);
    deps.opened?.();
    bridge(ws, session, { framing, touch: () => gateway.touch(microvmId), ...(deps.pingMs !== undefined && { pingMs: deps.pingMs }) });
  };

  /** The shell runs before the client is told that there is one: what keeps it from running has its own answer. */
  const openAwsShell: OpenShell = (req, socket, head, microvmId, refuse) => {
    const left = leaving(socket);
    gateway.openSession(microvmId, { kind: 'shell' }, left.signal).then(
      async (session) => {
        socket.once('close', () => session.close());
        if (socket.destroyed) return session.close();
        join(await accept(req, socket, head), session, microvmId, awsFraming);
      },
      (error: unknown) => {
        if (!socket.destroyed) refuse(refusalOf(error));
        log.debug({ microvmId, detail: messageOf(error) }, 'no shell was opened');
      },
    ).catch((error: unknown) => {
      log.error({ microvmId, detail: messageOf(error) }, 'endpoint: shell failed');
      socket.destroy();
    });
  };

  /** Says what keeps a session from running, and closes. */
  const reject = (ws: WebSocket, closeCode: number, code: string, message: string): void => {
    ws.send(errorText(code, message));
    ws.close(closeCode, code);
  };

  const openExtension = (ws: WebSocket, microvmId: string): void => {
    const timer = setTimeout(() => reject(ws, 1008, 'bad_request', 'no start message came'), deps.startMs ?? START_MS);
    ws.once('close', () => clearTimeout(timer));
    ws.once('message', (data: Buffer, isBinary: boolean) => {
      clearTimeout(timer);
      if (ws.readyState !== ws.OPEN) return; // it came too late
      const start = isBinary ? { wrong: 'the first message must be text' } : parseStart(data.toString());
      if ('wrong' in start) return reject(ws, 1008, 'bad_request', start.wrong);
      openOnce(ws, microvmId, start.spec);
    });
  };

  const openOnce = (ws: WebSocket, microvmId: string, spec: SessionSpec): void => {
    const left = new AbortController();
    const onClose = (): void => left.abort(new Error('the client left'));
    const tooEarly = (): void => ws.close(1008, 'wait for session_init');
    ws.once('close', onClose).on('message', tooEarly);
    gateway.openSession(microvmId, spec, left.signal).then(
      (session) => {
        ws.off('close', onClose).off('message', tooEarly);
        if (ws.readyState !== ws.OPEN) return session.close();
        join(ws, session, microvmId, sessionFraming);
      },
      (error: unknown) => {
        if (ws.readyState !== ws.OPEN) return;
        if (error instanceof SessionRefusedError) reject(ws, 1008, error.code, error.message);
        else if (error instanceof UnreachableError) reject(ws, 1011, error.reason, error.message);
        else throw error;
      },
    ).catch((error: unknown) => {
      log.error({ microvmId, detail: messageOf(error) }, 'endpoint: session failed');
      ws.close(1011, 'internal');
    });
  };

  return (req, socket, head, microvmId, refuse) => {
    if (!isWebSocket(req)) return refuse(REFUSAL.shellOnly);
    if (!offersExtension(req)) return openAwsShell(req, socket, head, microvmId, refuse);
    accept(req, socket, head).then(
      (ws) => openExtension(ws, microvmId),
      () => socket.destroy(),
    );
  };
}

/** Whether ws will take it: its own refusals would come after the shell was opened. */
function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')
  );
}

function offersExtension(req: IncomingMessage): boolean {
  return (req.headers['sec-websocket-protocol'] ?? '').split(',').some((part) => part.trim() === SESSION_PROTOCOL);
}

function leaving(socket: Duplex): AbortController {
  const left = new AbortController();
  socket.once('close', () => left.abort(new Error('the client left')));
  return left;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof UnreachableError) return UNREACHABLE[error.reason];
  return error instanceof SessionRefusedError ? REFUSAL.appFailed : REFUSAL.internal;
}
