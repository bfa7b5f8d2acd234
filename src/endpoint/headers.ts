/** Which header fields pass through the proxy. Works on raw pairs, so that order, case and duplicates stay as sent. */

/** Between two neighbours only (RFC 9110 §7.6.1 and older practice); each side of the proxy makes its own. */
const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'transfer-encoding', 'upgrade',
]);
/** Never removed because a `Connection` field names them: that would change the message itself. */
const END_TO_END = new Set(['host', 'content-length', 'content-type', 'trailer', 'expect']);
const CONTROL_PREFIX = 'x-aws-proxy-';
/** Always ours, also when the client sent one. Unknown: endpoint-requestid */
const REQUEST_ID = 'x-amzn-requestid';

/** name, value, name, value, … as node's `rawHeaders` */
export type RawHeaders = readonly string[];

/** What the endpoint tells the application about the client. */
export interface Forwarded {
  readonly clientAddress: string;
  readonly requestId: string;
}

/** Ours alone, what the client says in them notwithstanding. `X-Forwarded-For` is appended to instead. Unknown: endpoint-forwarded */
const FORWARDED = new Set(['x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', REQUEST_ID]);

/** What the application gets, without framing of a new kind: `Content-Length` passes, `Transfer-Encoding` does not. */
export function toApplication(raw: RawHeaders, { clientAddress, requestId }: Forwarded): string[] {
  const named = namedByConnection(raw);
  const out: string[] = [];
  let host = '';
  let addresses = '';
  let trailers = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const lower = name.toLowerCase();
    switch (lower) {
      case 'te':
        // The proxy passes trailers, so it may say so for itself where the client did.
        if (/\btrailers\b/i.test(value)) trailers = true;
        continue;
      case 'host':
        host = value;
        break;
      case 'x-forwarded-for':
        addresses += `${value}, `;
        continue;
      default:
        if (isHopByHop(lower, named) || lower.startsWith(CONTROL_PREFIX) || FORWARDED.has(lower)) continue;
    }
    out.push(name, value);
  }
  out.push('x-forwarded-for', addresses + clientAddress, 'x-forwarded-proto', 'https', 'x-forwarded-host', host, REQUEST_ID, requestId);
  if (trailers) out.push('te', 'trailers');
  return out;
}

/** What the client gets. */
export function toClient(raw: RawHeaders): string[] {
  const named = namedByConnection(raw);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!isHopByHop(name.toLowerCase(), named)) out.push(name, raw[i + 1] as string);
  }
  return out;
}

/** Fields that must not come after the body (RFC 9110 §6.5.1): they frame, route or authorize. */
const NOT_IN_TRAILERS = new Set(['content-length', 'host', 'trailer', 'content-encoding', 'content-type', 'content-range', 'authorization', REQUEST_ID]);

/** Those that may pass, as raw pairs. */
export function trailersOf(raw: RawHeaders): RawHeaders {
  if (raw.length === 0) return raw;
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const lower = (raw[i] as string).toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !NOT_IN_TRAILERS.has(lower) && !lower.startsWith(CONTROL_PREFIX)) out.push(raw[i] as string, raw[i + 1] as string);
  }
  return out;
}

/** Removes every field of this name. `lowerName` in lower case. */
export function without(headers: RawHeaders, lowerName: string): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isNamed(headers[i] as string, lowerName)) out.push(headers[i] as string, headers[i + 1] as string);
  }
  return out;
}

/** How many fields have this name. `lowerName` in lower case. */
export function countOf(raw: RawHeaders, lowerName: string): number {
  let count = 0;
  for (let i = 0; i < raw.length; i += 2) {
    if (isNamed(raw[i] as string, lowerName)) count += 1;
  }
  return count;
}

/** Most names differ in length: that is cheaper to see than a lower-case copy is to make. */
function isNamed(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && name.toLowerCase() === lowerName;
}

function isHopByHop(lower: string, named: ReadonlySet<string> | undefined): boolean {
  return HOP_BY_HOP.has(lower) || (named !== undefined && named.has(lower) && !END_TO_END.has(lower));
}

/** Field names listed in `Connection`, beyond those always removed; undefined when there are none (the usual case). */
function namedByConnection(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!isNamed(raw[i] as string, 'connection')) continue;
    for (const part of (raw[i + 1] as string).split(',')) {
      const name = part.trim().toLowerCase();
      if (name !== '' && name !== 'close' && name !== 'keep-alive') (named ??= new Set()).add(name);
    }
  }
  return named;
}
