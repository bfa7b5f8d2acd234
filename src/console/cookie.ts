/** The session's cookie. Only the console's own paths get it, no script reads it, and no other site's page can send it. */
import type { IncomingMessage } from 'node:http';
import { CONSOLE_PATH } from './contracts.js';

const NAME = 'tardigrade-console';

/** Of the console's cookie, should there be several: another host of this domain may have set one. */
export function sealedSessions(request: IncomingMessage): readonly string[] {
  return (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
    .map((pair) => pair.slice(NAME.length + 1));
}

export function sessionCookie(request: IncomingMessage, sealed: string, lifetimeMs: number): string {
  return cookie(request, sealed, Math.max(0, Math.floor(lifetimeMs / 1000)));
}

export function noSessionCookie(request: IncomingMessage): string {
  return cookie(request, '', 0);
}

function cookie(request: IncomingMessage, value: string, maxAge: number): string {
  return `${NAME}=${value}; Path=${CONSOLE_PATH}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${isHttps(request) ? '; Secure' : ''}`;
}

/** The listener itself speaks plain HTTP: a proxy before it says what the browser speaks. A lie there only harms the liar's own cookie. */
function isHttps(request: IncomingMessage): boolean {
  const [first = ''] = String(request.headers['x-forwarded-proto'] ?? '').split(',');
  return first.trim().toLowerCase() === 'https';
}
