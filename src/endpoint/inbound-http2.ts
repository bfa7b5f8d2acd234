import { constants, type ServerHttp2Stream } from 'node:http2';
import type { RawHeaders } from './headers.js';
import { toClient, without } from './headers.js';
import type { Inbound, InboundEvents } from './inbound.js';
import { refusalFields, type Refusal } from './refusals.js';
import type { AnswerHead } from './upstream/contracts.js';
import { fromFields, joinCookies, sendTrailers, toFields } from './upstream/http2-fields.js';

/** Interim answers that HTTP/2 knows (101 it does not). */
const EARLY_HINTS = 103;

export class Http2Inbound implements Inbound {
  readonly isHttp2 = true;
  #trailers: RawHeaders = [];
  #answerTrailers: RawHeaders = [];

  constructor(
    private readonly stream: ServerHttp2Stream,
    readonly method: string,
    readonly path: string,
    readonly headers: RawHeaders,
    readonly hasBody: boolean,
    readonly awaitsContinue: boolean,
  ) {
    stream.on('trailers', (_fields, _flags, raw?: string[]) => (this.#trailers = fromFields(raw ?? [])));
    stream.on('wantTrailers', () => sendTrailers(stream, this.#answerTrailers));
  }

  get body(): ServerHttp2Stream {
    return this.stream;
  }

  get clientAddress(): string {
    return this.stream.session?.socket.remoteAddress ?? '';
  }

  get isAnswered(): boolean {
    return this.stream.headersSent;
  }

  get isClosed(): boolean {
    return this.stream.closed || this.stream.destroyed;
  }

  get isBodyWhole(): boolean {
    return this.stream.rstCode === constants.NGHTTP2_NO_ERROR && !this.stream.aborted;
  }

  trailers(): RawHeaders {
    return this.#trailers;
  }

  inform(status: number, headers: RawHeaders): void {
    if (status === 100 || status === EARLY_HINTS) this.stream.additionalHeaders({ ':status': status, ...toFields(toClient(headers)) });
  }

  answer({ status, headers, bodiless }: AnswerHead): void {
    // A trailer field needs no announcement, but harms none either.
    const fields = toFields(without(toClient(headers), 'http2-settings'));
    this.stream.respond({ ...fields, ':status': status }, { endStream: bodiless, waitForTrailers: !bodiless });
  }

  write(chunk: Buffer): boolean {
    return this.stream.writable ? this.stream.write(chunk) : true;
  }

  flush(): void {
    // `respond` sends the head at once.
  }

  end(lastChunk: Buffer | undefined, trailers: RawHeaders): void {
    this.#answerTrailers = trailers;
    if (!this.stream.writable) return; // the head was all
    if (lastChunk === undefined) this.stream.end();
    else this.stream.end(lastChunk);
  }

  refuse(refusal: Refusal): void {
    if (this.isClosed) return;
    if (this.isAnswered) return this.reset();
    this.stream.respond({ ...toFields(refusalFields(refusal)), ':status': refusal.status }, { endStream: refusal.text === '' });
    if (refusal.text !== '') this.stream.end(refusal.text);
    // The client need not send the rest of a request that nobody takes (RFC 9113 §8.1).
    if (this.hasBody) this.stream.resume();
  }

  reset(code: number = constants.NGHTTP2_INTERNAL_ERROR): void {
    this.stream.close(code);
  }

  listen(events: InboundEvents): void {
    const { stream } = this;
    stream.on('drain', () => events.clientDrained());
    stream.once('close', () => {
      const whole = stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.writableFinished;
      if (!whole || !stream.readableEnded) events.clientClosed(stream.rstCode === constants.NGHTTP2_NO_ERROR ? undefined : stream.rstCode);
    });
  }
}

/**
 * What HTTP/2 and node's parser leave open: a method, a target or an authority that HTTP/1.1 would read in another way.
 * Undefined for a request that must not pass.
 */
export function inboundOf(stream: ServerHttp2Stream, raw: RawHeaders, endOfStream: boolean): Http2Inbound | undefined {
  const pseudo = pseudoFields(raw);
  const { ':method': method, ':path': path, ':authority': authority, ':scheme': scheme } = pseudo;
  if (method === undefined || path === undefined || scheme === undefined || pseudo[':protocol'] !== undefined) return undefined;
  if (!METHOD.test(method) || method === 'CONNECT' || !(TARGET.test(path) || (path === '*' && method === 'OPTIONS'))) return undefined;
  const fields = fromFields(raw);
  const hosts = fields.filter((_text, i) => i % 2 === 1 && fields[i - 1] === 'host');
  const host = authority ?? hosts[0];
  if (host === undefined || hosts.length > 1 || (hosts[0] !== undefined && hosts[0] !== host)) return undefined;
  const headers = ['Host', host, ...joinCookies(without(fields, 'host'))];
  for (const text of headers) if (NOT_IN_A_FIELD.test(text)) return undefined;
  const lengths = fields.filter((_text, i) => i % 2 === 1 && fields[i - 1] === 'content-length');
  if (lengths.length > 1 || (lengths[0] !== undefined && !/^[0-9]{1,15}$/.test(lengths[0]))) return undefined;
  const expects = fields.some((name, i) => i % 2 === 0 && name === 'expect');
  return new Http2Inbound(stream, method, path, headers, !endOfStream, expects);
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;
const NOT_IN_A_FIELD = /[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/; // eslint-disable-line no-control-regex

function pseudoFields(raw: RawHeaders): Record<string, string | undefined> {
  const found = Object.create(null) as Record<string, string | undefined>;
  for (let i = 0; i + 1 < raw.length; i += 2) if ((raw[i] as string).startsWith(':')) found[raw[i] as string] = raw[i + 1];
  return found;
}
