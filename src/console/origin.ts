/** Did a page of ours send the request? Other sites' pages may send many, with the user's cookies. */
import type { IncomingMessage } from 'node:http';

/**
 * Browsers name a request's origin on everything but plain GETs, and on every WebSocket; pages cannot forge it. Ports
 * count: cookies do not tell them apart. The scheme does not: behind a proxy it is not known.
 */
export function isSameOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === hostOf(host) && isOwnFetch(request);
}

/** For GETs, which have no origin: browsers that say where a request comes from must say that it is one of our pages. */
export function isOwnFetch(request: IncomingMessage): boolean {
  const site = request.headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin';
}

/** As URLs have it: lower case, without the port that http or https has anyway. */
function hostOf(header: string): string {
  return header.toLowerCase().replace(/:(80|443)$/, '');
}
