/** Writes answers to the client: the endpoint's own, and the heads of the application's. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { countOf, toClient, without } from './headers.js';
import type { Refusal } from './refusals.js';

/** Answers instead of the application; when an answer has begun already, cuts the connection. */
export function refuse(res: ServerResponse, refusal: Refusal): void {
  if (res.headersSent) return void res.destroy();
  const headers = ['content-length', String(Buffer.byteLength(refusal.text))];
  if (refusal.text !== '') headers.push('content-type', 'text/plain');
  if (refusal.error !== undefined) headers.push('x-aws-proxy-error', refusal.error);
  if (refusal.status === 400) headers.push('connection', 'close');
  res.writeHead(refusal.status, headers);
  res.end(refusal.text);
}

/**
 * Starts the application's answer. Framing is made anew by node: a body of unknown length is chunked for HTTP/1.1.
 * Throws when the head cannot be sent on as it is (a status out of range, characters no header may have).
 */
export function startAnswer(res: ServerResponse, answer: IncomingMessage): void {
  let headers = toClient(answer.rawHeaders);
  // Announced trailers need a chunked body on our side; node refuses the field otherwise.
  const chunked = res.req.httpVersion === '1.1' && countOf(headers, 'content-length') === 0 && hasBodyOf(res.req, answer);
  if (!chunked) headers = without(headers, 'trailer');
  res.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
  // The head goes out with the first bytes of the body when they are here already, alone otherwise.
  setImmediate(() => {
    if (!res.writableEnded && !res.destroyed) res.flushHeaders();
  });
}

function hasBodyOf(req: IncomingMessage, answer: IncomingMessage): boolean {
  return req.method !== 'HEAD' && answer.statusCode !== 204 && answer.statusCode !== 304;
}
