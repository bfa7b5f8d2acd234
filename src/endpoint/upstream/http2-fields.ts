/** Header fields between raw pairs and the objects node's HTTP/2 takes. */
import { constants, type Http2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { RawHeaders } from '../headers.js';

/** Lower-case names, repeated fields as arrays, in order. Without a prototype: a field may be called `__proto__`. */
export function toFields(raw: RawHeaders): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    const before = fields[name];
    fields[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return fields;
}

/** Raw pairs without pseudo fields. */
export function fromFields(raw: RawHeaders): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!(raw[i] as string).startsWith(':')) out.push(raw[i] as string, raw[i + 1] as string);
  }
  return out;
}

/** As HTTP/1.1 wants it: the crumbs of `cookie` that HTTP/2 may send apart in one field (RFC 9113 §8.2.3). */
export function joinCookies(raw: RawHeaders): string[] {
  const out: string[] = [];
  let cookie = -1;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name !== 'cookie') out.push(name, value);
    else if (cookie < 0) cookie = out.push(name, value) - 1;
    else out[cookie] = `${out[cookie] as string}; ${value}`;
  }
  return out;
}

/** Ends a stream. Trailers that node refuses (a field twice that may come once) were somebody's message: it is broken off, not shortened. */
export function sendTrailers(stream: Http2Stream, trailers: RawHeaders): void {
  try {
    stream.sendTrailers(toFields(trailers));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
