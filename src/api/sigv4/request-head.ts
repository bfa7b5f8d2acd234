/** A request's head in the form signatures are computed over. */
import type { IncomingMessage } from 'node:http';
import { AuthFailure } from './failure.js';

export interface RequestHead {
  readonly method: string;
  /** As sent, percent-encoded, without the query. */
  readonly rawPath: string;
  /** Decoded pairs in the order sent. */
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case name → value; several values of one name are joined by commas, as the canonical request wants. */
  readonly headers: ReadonlyMap<string, string>;
}

export function readHead(request: IncomingMessage): RequestHead {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    rawPath: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? [] : parseQuery(url.slice(mark + 1)),
    headers: readHeaders(request.rawHeaders),
  };
}

/** From the raw list, because Node drops repeats of some names and the signer did not. */
function readHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

export function parseQuery(text: string): [string, string][] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? [percentDecode(part), ''] : [percentDecode(part.slice(0, equals)), percentDecode(part.slice(equals + 1))];
    });
}

/** Throws AuthFailure malformed: bytes that are not UTF-8 or a broken `%xx` cannot have been signed by a client. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new AuthFailure('malformed', `the URL part '${text}' is not percent-encoded UTF-8`);
    throw error;
  }
}

/** First value of each name. */
export function firstValues(query: RequestHead['query']): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of query) if (!values.has(name)) values.set(name, value);
  return values;
}
