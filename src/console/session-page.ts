/** `/console/session`: POST signs in, GET says who is signed in, DELETE signs out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { peerAddress } from '../sockets/listen.js';
import { noSessionCookie, sessionCookie } from './cookie.js';
import { credentialsShape, type Login } from './login.js';
import { isSameOrigin } from './origin.js';
import { sendJson, sendRefusal } from './respond.js';
import type { Session, Sessions } from './sessions.js';

export interface SessionPageDeps {
  readonly region: string;
  readonly login: Login;
  readonly sessions: Sessions;
  readonly now: () => number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Of a login's body; keys and tokens have a few hundred. */
const MAX_BODY = 8192;

export function createSessionPage({ region, login, sessions, now, log }: SessionPageDeps) {
  return {
    async signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (!isSameOrigin(request)) return sendRefusal(response, { status: 403, code: 'ForeignOrigin', message: 'only the console itself may sign in here: the request came from another site' });
      const body = await readSmall(request);
      if (body === undefined) return sendRefusal(response, { status: 413, code: 'RequestTooLarge', message: `a login has at most ${MAX_BODY} bytes` });
      const parsed = credentialsShape.safeParse(json(body));
      // Values are secrets: only the rule is named.
      if (!parsed.success) return sendRefusal(response, { status: 400, code: 'ValidationException', message: 'a login is JSON with accessKeyId and secretAccessKey, and sessionToken for temporary keys' });
      const address = peerAddress(request.socket);
      const outcome = login.attempt(parsed.data, address);
      switch (outcome.kind) {
        case 'too-many':
          return sendRefusal(response, { status: 429, code: 'ThrottlingException', message: `Too many attempts to sign in: wait ${outcome.retryAfterSeconds} s`, headers: { 'retry-after': String(outcome.retryAfterSeconds) } });
        case 'wrong':
          // Not the id: people paste secrets into the wrong field.
          log.warn({ address }, 'console: a login was refused');
          return sendRefusal(response, { status: 401, code: 'UnrecognizedClientException', message: 'No access key has this id and secret: `tardigrade env` on the host prints one that does' });
        case 'key': {
          const { session, sealed } = await sessions.open(outcome.key);
          log.info({ address, accessKeyId: outcome.key.accessKeyId }, 'console: signed in');
          response.writeHead(204, { 'set-cookie': sessionCookie(request, sealed, session.expiresAt - now()), 'cache-control': 'no-store' });
          response.end();
        }
      }
    },

    /** That nobody is signed in is an answer, not an error. */
    tell(session: Session | undefined, response: ServerResponse): void {
      if (session === undefined) {
        response.writeHead(204, { 'cache-control': 'no-store' });
        response.end();
        return;
      }
      const { key, csrfToken, expiresAt } = session;
      sendJson(response, 200, { accountId: key.accountId, accessKeyId: key.accessKeyId, region, csrfToken, expiresAt: expiresAt / 1000 });
    },

    signOut(session: Session, request: IncomingMessage, response: ServerResponse): void {
      sessions.end(session);
      response.writeHead(204, { 'set-cookie': noSessionCookie(request), 'cache-control': 'no-store' });
      response.end();
    },
  };
}

/** undefined: there is more than that. */
async function readSmall(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
