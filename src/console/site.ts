/**
 * The console's server side. Whatever it does for a page goes the way of a signed request: it only finds out whose key
 * a session stands for, and hands the request on (docs/console.md).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { FindKey } from '../keys/key-ring.js';
import { CONSOLE_PATH, type ApiService, type ConsoleSite, type ServeAs } from './contracts.js';
import { sealedSessions } from './cookie.js';
import { serveFile, type SiteFiles } from './files.js';
import { createLogin } from './login.js';
import { isOwnFetch, isSameOrigin } from './origin.js';
import { SECURITY_HEADERS, sendRefusal, type ConsoleRefusal } from './respond.js';
import { createSessionPage } from './session-page.js';
import { createSessions, type Session } from './sessions.js';
import { refuseUpgrade, watchSession } from './streams.js';

/** Joins an upgrade to a shell in that MicroVM, if the request carries a shell token of it. */
export type OpenTerminal = (request: IncomingMessage, socket: Duplex, head: Buffer, microvmId: string) => void;

export interface ConsoleDeps {
  readonly files: SiteFiles;
  readonly region: string;
  readonly findKey: FindKey;
  readonly openTerminal: OpenTerminal;
  /** ms since 1970 */
  readonly now: () => number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** ms between looks whether the session of a stream still holds; default 2 s */
  readonly watchMs?: number;
}

/** What each prefix below the console's leads to, and with which methods. */
const SERVICES: Readonly<Record<string, { readonly service: ApiService; readonly methods: readonly string[] }>> = {
  api: { service: 'lambda', methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] },
  logs: { service: 'logs', methods: ['POST'] },
  s3: { service: 's3', methods: ['PUT', 'GET'] },
};
const SHELL = /^\/shell\/(microvm-[0-9a-f-]{1,64})$/;

const REFUSALS = {
  noSession: { status: 401, code: 'SessionEnded', message: 'You are not signed in, or the session has ended: sign in again' },
  foreign: { status: 403, code: 'ForeignOrigin', message: 'the request does not come from a page of this console' },
  noObjects: { status: 403, code: 'AccessDenied', message: 'objects are not read through the console' },
  noProof: { status: 403, code: 'CsrfTokenMissing', message: 'x-tardigrade-csrf must be the csrfToken of GET /console/session' },
} as const satisfies Record<string, ConsoleRefusal>;

export function createConsole(deps: ConsoleDeps): ConsoleSite {
  const { files, log, watchMs = 2_000 } = deps;
  const sessions = createSessions(deps);
  const page = createSessionPage({ ...deps, sessions, login: createLogin(deps) });

  async function sessionOf(request: IncomingMessage): Promise<Session | undefined> {
    const found = await Promise.all(sealedSessions(request).slice(0, 4).map((sealed) => sessions.find(sealed)));
    return found.find((session) => session !== undefined);
  }

  /** Whose request it is, and that a page of ours sent it; else answers why not. */
  async function admitted(request: IncomingMessage, response: ServerResponse): Promise<Session | undefined> {
    const isRead = request.method === 'GET';
    const refuse = (refusal: ConsoleRefusal): undefined => {
      sendRefusal(response, refusal);
    };
    if (isRead ? !isOwnFetch(request) : !isSameOrigin(request)) return refuse(REFUSALS.foreign);
    const session = await sessionOf(request);
    if (session === undefined) return refuse(REFUSALS.noSession);
    if (!isRead && request.headers['x-tardigrade-csrf'] !== session.csrfToken) return refuse(REFUSALS.noProof);
    return session;
  }

  async function serveSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') return page.signIn(request, response);
    if (request.method !== 'GET' && request.method !== 'DELETE') return sendRefusal(response, { status: 405, code: 'MethodNotAllowed', message: 'a session takes GET, POST and DELETE', headers: { allow: 'GET, POST, DELETE' } });
    if (request.method === 'GET') return isOwnFetch(request) ? page.tell(await sessionOf(request), response) : sendRefusal(response, REFUSALS.foreign);
    const session = await admitted(request, response);
    if (session !== undefined) page.signOut(session, request, response);
  }

  async function serveService(prefix: string, request: IncomingMessage, response: ServerResponse, serveAs: ServeAs): Promise<void> {
    const route = SERVICES[prefix];
    const { method = '' } = request;
    if (route?.methods.includes(method) !== true) return sendRefusal(response, { status: 405, code: 'MethodNotAllowed', message: `${CONSOLE_PATH}/${prefix} does not take ${method}`, headers: { allow: route?.methods.join(', ') ?? '' } });
    const rest = (request.url ?? '').slice(`${CONSOLE_PATH}/${prefix}`.length) || '/';
    // Nothing stored there is to be served from this origin: uploads, and the list of buckets.
    if (prefix === 's3' && method === 'GET' && rest !== '/') return sendRefusal(response, REFUSALS.noObjects);
    const session = await admitted(request, response);
    if (session === undefined) return;
    response.setHeader('cache-control', 'no-store');
    request.url = rest;
    watchSession(sessions, session, response, watchMs);
    await serveAs(session.key, route.service);
  }

  return {
    owns(request) {
      const path = pathOf(request);
      if (path === '/') return request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
      return path === CONSOLE_PATH || path.startsWith(`${CONSOLE_PATH}/`);
    },

    async serve(request, response, serveAs) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
      const path = pathOf(request);
      if (path === '/' || path === CONSOLE_PATH) {
        response.writeHead(302, { location: `${CONSOLE_PATH}/`, 'cache-control': 'no-store', 'content-length': 0 });
        response.end();
        return;
      }
      const below = path.slice(CONSOLE_PATH.length + 1);
      const [prefix = ''] = below.split('/', 1);
      if (below === 'session') return serveSession(request, response);
      if (Object.hasOwn(SERVICES, prefix)) return serveService(prefix, request, response, serveAs);
      serveFile(files, below === '' ? 'index.html' : below, request, response);
    },

    upgrade(request, socket, head) {
      const admit = async (): Promise<void> => {
        const microvmId = SHELL.exec(pathOf(request).slice(CONSOLE_PATH.length))?.[1];
        if (microvmId === undefined) return refuseUpgrade(request, { status: 404, code: 'NotFound', message: `only ${CONSOLE_PATH}/shell/<MicroVM id> takes WebSockets` });
        if (!isSameOrigin(request)) return refuseUpgrade(request, REFUSALS.foreign);
        const session = await sessionOf(request);
        if (session === undefined) return refuseUpgrade(request, REFUSALS.noSession);
        if (socket.destroyed) return;
        watchSession(sessions, session, socket, watchMs);
        deps.openTerminal(request, socket, head, microvmId);
      };
      admit().catch((error: unknown) => {
        log.error({ err: error }, 'console: a terminal failed');
        socket.destroy();
      });
    },
  };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
