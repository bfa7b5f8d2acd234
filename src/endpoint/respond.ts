/** Writes answers to HTTP/1.1 clients: the endpoint's own, and the heads of the application's. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { countOf, toClient, without } from './headers.js';
import { refusalFields, type Refusal } from './refusals.js';
import type { AnswerHead } from './upstream/contracts.js';

/** Answers instead of the application; when an answer has begun already, cuts the connection. */
export function refuse(res: ServerResponse, refusal: Refusal): void {
  if (res.headersSent) return void res.destroy();
  const headers = refusalFields(refusal);
  if (refusal.status === 400) headers.push('connection', 'close');
  res.writeHead(refusal.status, headers);
  res.end(refusal.text);
}

/**
 * Starts the application's answer. Framing is made anew by node: a body of unknown length is chunked for HTTP/1.1.
 * Throws when the head cannot be sent on as it is (a status out of range, characters no header may have).
 */
export function startAnswer(req: IncomingMessage, res: ServerResponse, head: AnswerHead): void {
  let headers = toClient(head.headers);
  // Announced trailers need a chunked body on our side; node refuses the field otherwise.
  const chunked = req.httpVersion === '1.1' && countOf(headers, 'content-length') === 0 && hasBodyOf(req, head.status);
  if (!chunked && countOf(headers, 'trailer') > 0) headers = without(headers, 'trailer');
  // HTTP/2 applications send whole answers with neither body nor length.
  if (chunked && head.bodiless) headers.push('content-length', '0');
  res.writeHead(head.status, head.reason, headers);
}

function hasBodyOf(req: IncomingMessage, status: number): boolean {
  return req.method !== 'HEAD' && status !== 204 && status !== 304;
}
