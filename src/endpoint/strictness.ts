/**
 * What is refused beyond node's own strict parser (which refuses Content-Length with Transfer-Encoding, two
 * Content-Lengths, folded lines and bare line feeds): everything two parsers in a row could read in two ways.
 */
import type { IncomingMessage } from 'node:http';
import { countOf } from './headers.js';

/** Whether the request has one meaning only. */
export function isUnambiguous(req: IncomingMessage): boolean {
  // Node's parser knows others, 0.9 and 2.0 among them.
  if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') return false;
  if (countOf(req.rawHeaders, 'host') !== 1) return false;
  // Origin form, or `*` for OPTIONS: an absolute target could name another host than the Host field.
  const path = req.url ?? '';
  if (!path.startsWith('/') && !(path === '*' && req.method === 'OPTIONS')) return false;
  const coding = req.headers['transfer-encoding'];
  if (coding === undefined) return true;
  // RFC 9112 §6.1: HTTP/1.0 knows no transfer codings. Others than chunked are not understood here.
  return coding.toLowerCase() === 'chunked' && req.httpVersion === '1.1' && req.headers['content-length'] === undefined;
}

/** Whether bytes of a body may follow the head. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0);
}
