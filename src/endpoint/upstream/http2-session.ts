/** One HTTP/2 connection to an application: many requests at once. */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../errors/index.js';
import type { RawHeaders } from '../headers.js';
import { ProtocolError, type AnswerSink, type Call, type UpstreamRequest } from './contracts.js';
import { fromFields, sendTrailers, toFields } from './http2-fields.js';

/** Bytes an application may send ahead of its reader: for each stream, and for all of a connection. */
const STREAM_WINDOW = 256 * 1024;
const SESSION_WINDOW = 4 * 1024 * 1024;
const MAX_HEAD = 64 * 1024;
/** Connection-level fields HTTP/2 knows no use for (RFC 9113 §8.2.2). */
const NOT_IN_HTTP2 = new Set(['host', 'upgrade', 'http2-settings']);
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;
/** Of an application that said nothing of its limit yet. */
const ASSUMED_STREAMS = 100;

export class Http2Upstream {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #refusesNew = false;
  /** ms on the monotonic clock since it has had no stream. */
  idleSince = performance.now();

  /** `gone`: no new requests; called once. */
  constructor(stream: Duplex, scheme: 'http' | 'https', gone: (session: Http2Upstream) => void) {
    this.scheme = scheme;
    const leave = (): void => {
      if (this.#refusesNew) return;
      this.#refusesNew = true;
      gone(this);
    };
    this.#session = connect('http://application', {
      createConnection: () => stream,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: MAX_HEAD },
      maxHeaderListPairs: 2000,
      maxSendHeaderBlockLength: MAX_HEAD,
    });
    this.#session.on('connect', () => this.#session.setLocalWindowSize(SESSION_WINDOW));
    this.#session.on('error', leave); // each stream hears of it itself
    this.#session.on('goaway', leave);
    this.#session.on('close', () => {
      leave();
      stream.destroy();
    });
    this.#session.on('frameError', leave);
  }

  readonly scheme: 'http' | 'https';

  get hasRoom(): boolean {
    return !this.#refusesNew && this.#streams < Math.min(this.#session.remoteSettings.maxConcurrentStreams ?? ASSUMED_STREAMS, ASSUMED_STREAMS);
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  start(request: UpstreamRequest, sink: AnswerSink): Call {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(this.#fields(request), { endStream: !request.hasBody, waitForTrailers: request.hasBody });
    } catch (error) {
      // Fields that HTTP/2 cannot carry, or a session that ended this moment.
      setImmediate(() => sink.failed(new ProtocolError(messageOf(error)), { unprocessed: this.#session.destroyed }));
      return NO_CALL;
    }
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
      this.idleSince = performance.now();
    });
    return new Http2Call(stream, sink);
  }

  discard(): void {
    // It is shared, and ends by itself when idle.
  }

  destroy(): void {
    this.#session.destroy();
  }

  #fields({ method, path, headers }: UpstreamRequest): OutgoingHttpHeaders {
    let authority = '';
    const kept: string[] = [];
    for (let i = 0; i < headers.length; i += 2) {
      const name = (headers[i] as string).toLowerCase();
      if (name === 'host') authority = headers[i + 1] as string;
      if (!NOT_IN_HTTP2.has(name)) kept.push(name, headers[i + 1] as string);
    }
    return Object.assign(toFields(kept), { ':method': method, ':scheme': this.scheme, ':authority': authority, ':path': path });
  }
}

/** Of a request that could not be sent. */
const NO_CALL: Call = { write: () => true, end: () => undefined, pause: () => undefined, resume: () => undefined, abort: () => undefined };

class Http2Call implements Call {
  #sink: AnswerSink | undefined;
  #requestTrailers: RawHeaders = [];
  #answerTrailers: RawHeaders = [];

  constructor(
    private readonly stream: ClientHttp2Stream,
    sink: AnswerSink,
  ) {
    this.#sink = sink;
    stream.on('headers', (fields, _flags, raw?: string[]) => this.#sink?.informed(Number(fields[':status']), fromFields(raw ?? [])));
    stream.on('response', (fields, flags, raw?: string[]) => {
      this.#sink?.answered({ status: Number(fields[':status']), reason: '', headers: fromFields(raw ?? []), bodiless: (flags & END_STREAM) !== 0 });
      this.#sink?.flush();
    });
    stream.on('trailers', (_fields, _flags, raw?: string[]) => (this.#answerTrailers = fromFields(raw ?? [])));
    stream.on('data', (chunk: Buffer) => {
      this.#sink?.data(chunk);
      this.#sink?.flush();
    });
    stream.on('drain', () => sink.drained());
    stream.once('close', () => sink.drained()); // whoever waits to send the rest of an answered request waits for nothing
    stream.once('end', () => this.#ended());
    stream.on('wantTrailers', () => sendTrailers(stream, this.#requestTrailers));
    stream.once('error', (error: Error) => this.#failed(error));
    stream.once('close', () => this.#failed(new ProtocolError('the application reset the stream')));
  }

  write(chunk: Buffer): boolean {
    return this.stream.writable ? this.stream.write(chunk) : true;
  }

  end(trailers: RawHeaders): void {
    this.#requestTrailers = trailers;
    if (this.stream.writable) this.stream.end();
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  abort(resetCode: number = constants.NGHTTP2_CANCEL): void {
    this.#sink = undefined;
    this.stream.close(resetCode);
  }

  #ended(): void {
    // A reset ends the reading side too: what it cut short is no answer. One without an error only stops the request.
    if (this.stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.ended(this.#answerTrailers);
  }

  #failed(error: Error): void {
    const sink = this.#sink;
    this.#sink = undefined;
    const { rstCode } = this.stream;
    sink?.failed(error, {
      unprocessed: rstCode === constants.NGHTTP2_REFUSED_STREAM,
      resetCode: rstCode === constants.NGHTTP2_NO_ERROR ? undefined : rstCode,
    });
  }
}
