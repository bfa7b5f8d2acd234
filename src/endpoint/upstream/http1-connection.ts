/** One HTTP/1.1 connection to an application: one request at a time. */
import type { Duplex } from 'node:stream';
import type { RawHeaders } from '../headers.js';
import { ProtocolError, type AnswerSink, type Call, type UpstreamRequest } from './contracts.js';
import { AnswerParser, type ParsedHead, type ParserEvents } from './http1-parser.js';

export interface ConnectionOwner {
  /** The answer is whole and the connection can take another request; within `idleMs` if the application said so. */
  idle(connection: Http1Connection, idleMs: number | undefined): void;
  /** Of no use any more. */
  gone(connection: Http1Connection): void;
}

/** Methods for which a request without a body need not say so (RFC 9110 §8.6). */
const NO_BODY_EXPECTED = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE', 'CONNECT']);
const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');
const LINE_END = Buffer.from('\r\n', 'latin1');
const IDLE_ERROR = new ProtocolError('the connection ended while idle');

export class Http1Connection implements Call, ParserEvents {
  readonly #parser = new AnswerParser(this);
  #sink: AnswerSink | undefined;
  #chunked = false;
  /** Of the present request. */
  #requestEnded = true;
  #answerEnded = true;
  #reusable = false;
  #idleMs: number | undefined;
  /** Requests answered before the present one: what breaks then may be a connection that was closed while idle. */
  #served = 0;
  #answerBegun = false;
  #closed = false;
  #paused = false;

  readonly #onData = (chunk: Buffer): void => this.#received(chunk);
  readonly #onDrain = (): void => this.#sink?.drained();
  readonly #onEnd = (): void => this.#ended();
  readonly #onClose = (): void => this.#broken(IDLE_ERROR);

  constructor(
    private readonly stream: Duplex,
    private readonly owner: ConnectionOwner,
  ) {
    stream.on('data', this.#onData).on('drain', this.#onDrain).on('end', this.#onEnd).on('close', this.#onClose);
    stream.on('error', (error: Error) => this.#broken(error)); // stays after a switch of protocols: an error must have a listener
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** ms on the monotonic clock at which an idle connection ends. */
  idleUntil = 0;

  start(request: UpstreamRequest, sink: AnswerSink): Call {
    this.#sink = sink;
    this.#answerEnded = false;
    this.#answerBegun = false;
    this.#requestEnded = !request.hasBody;
    this.#parser.expect(request.method, request.upgrade !== undefined);
    this.stream.write(this.#head(request), 'latin1');
    return this;
  }

  discard(): void {
    this.destroy();
  }

  write(chunk: Buffer): boolean {
    if (this.#closed) return true; // it goes nowhere; the sink has been told
    if (!this.#chunked) return this.stream.write(chunk);
    this.stream.cork();
    this.stream.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.stream.write(chunk);
    const more = this.stream.write(LINE_END);
    this.stream.uncork();
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#closed) return;
    if (this.#chunked) this.stream.write(trailers.length === 0 ? LAST_CHUNK : `0\r\n${fieldLines(trailers)}\r\n`, 'latin1');
    if (this.#answerEnded) this.#done();
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    this.#paused = false;
    this.stream.resume();
  }

  abort(): void {
    this.#sink = undefined;
    this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.owner.gone(this);
    this.stream.destroy();
    // Whoever waits to send the rest of a request that was answered waits for nothing.
    if (this.#answerEnded) this.#sink?.drained();
  }

  onInterim({ status, headers }: ParsedHead): void {
    this.#sink?.informed(status, headers);
  }

  onHead(head: ParsedHead): void {
    this.#sink?.answered(head);
  }

  onBody(chunk: Buffer): void {
    this.#sink?.data(chunk);
  }

  onEnd(trailers: RawHeaders, reusable: boolean, idleMs: number | undefined): void {
    this.#answerEnded = true;
    this.#reusable = reusable;
    this.#idleMs = idleMs;
    const sink = this.#sink;
    // Before the sink hears of it: a request it starts at once may then use this connection.
    if (this.#requestEnded) this.#done();
    sink?.ended(trailers);
  }

  onSwitch(head: ParsedHead, rest: Buffer): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#closed = true; // as a connection of ours
    this.owner.gone(this);
    this.stream.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd).off('close', this.#onClose);
    this.stream.pause();
    sink?.switched(head, this.stream, rest);
  }

  #head({ method, path, headers, hasBody, upgrade }: UpstreamRequest): string {
    let text = `${method} ${path} HTTP/1.1\r\n`;
    let length = false;
    let te = false;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      if (name === 'te') te = true;
      else if (name.length === 14 && name.toLowerCase() === 'content-length') length = true;
      text += `${name}: ${headers[i + 1] as string}\r\n`;
    }
    this.#chunked = hasBody && !length;
    if (this.#chunked) text += 'transfer-encoding: chunked\r\n';
    else if (!length && !NO_BODY_EXPECTED.has(method)) text += 'content-length: 0\r\n';
    if (upgrade !== undefined) return `${text}connection: Upgrade\r\nupgrade: ${upgrade}\r\n\r\n`;
    return `${text}connection: ${te ? 'TE' : 'keep-alive'}\r\n\r\n`;
  }

  #received(chunk: Buffer): void {
    if (this.#closed) return;
    this.#answerBegun = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#broken(error);
    }
    this.#sink?.flush();
  }

  #ended(): void {
    if (this.#closed) return;
    try {
      this.#parser.finish();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#broken(error);
    }
    this.destroy(); // its answer, if one was under way, is whole
  }

  #done(): void {
    this.#sink = undefined;
    this.#served += 1;
    if (this.#paused) this.resume(); // whoever paused it has its answer
    if (this.#reusable && !this.#closed) this.owner.idle(this, this.#idleMs);
    else this.destroy();
  }

  #broken(error: Error): void {
    // An answer that is whole stands, though the request was not taken to its end.
    if (this.#answerEnded) return this.destroy();
    const sink = this.#sink;
    this.#sink = undefined;
    this.destroy();
    sink?.failed(error, { unprocessed: this.#served > 0 && !this.#answerBegun });
  }
}

function fieldLines(headers: RawHeaders): string {
  let text = '';
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i] as string}: ${headers[i + 1] as string}\r\n`;
  return text;
}
