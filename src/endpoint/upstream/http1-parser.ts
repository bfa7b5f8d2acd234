/**
 * Reads answers of one HTTP/1.1 connection, one after another (RFC 9112). Bytes of an untrusted machine: sizes are
 * capped, and whatever two parsers could read in two ways is a ProtocolError.
 *
 *   head ──▶ length | chunk size ⇄ chunk data | until close ──▶ idle
 *    ▲ 1xx                  └──▶ trailers ──▶ idle
 */
import type { RawHeaders } from '../headers.js';
import { ProtocolError } from './contracts.js';
import { checkLine, parseField } from './http1-fields.js';

export interface ParsedHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
  /** No body and no trailers follow. */
  readonly bodiless: boolean;
}

export interface ParserEvents {
  onInterim(head: ParsedHead): void;
  onHead(head: ParsedHead): void;
  onBody(chunk: Buffer): void;
  /** `reusable`: another request may be sent on this connection; for `idleMs` at most if the peer said so. */
  onEnd(trailers: RawHeaders, reusable: boolean, idleMs: number | undefined): void;
  /** 101; `rest` belongs to the new protocol. */
  onSwitch(head: ParsedHead, rest: Buffer): void;
}

type State = 'idle' | 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'until-close' | 'switched';

/** Caps, in bytes. */
const MAX_HEAD = 64 * 1024;
const MAX_CHUNK_LINE = 1024;
const MAX_TRAILERS = 16 * 1024;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: (.*))?$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;.*)?$/;
const DIGITS = /^[0-9]{1,15}$/;
const EMPTY = Buffer.alloc(0);

/** What the head says about what follows it. */
interface Framing {
  readonly length: number | undefined;
  readonly chunked: boolean;
  readonly keepAlive: boolean;
  readonly idleMs: number | undefined;
}

export class AnswerParser {
  #state: State = 'idle';
  #method = '';
  #upgrade = false;
  /** Bytes of an unfinished line or head. */
  #pending: Buffer = EMPTY;
  /** Where the search for the end of the head goes on. */
  #searched = 0;
  /** Left of a body or chunk. */
  #left = 0;
  #framing: Framing = { length: undefined, chunked: false, keepAlive: false, idleMs: undefined };

  constructor(private readonly events: ParserEvents) {}

  /** A request went out: its answer is next. */
  expect(method: string, upgrade: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#upgrade = upgrade;
  }

  /** Throws ProtocolError; the connection is of no use then. */
  push(bytes: Buffer): void {
    let rest = bytes;
    if (this.#pending.length > 0) {
      rest = Buffer.concat([this.#pending, bytes]);
      this.#pending = EMPTY;
    }
    while (rest.length > 0) {
      const next = this.#step(rest);
      if (next === undefined) return;
      rest = next;
    }
  }

  /** The peer ended its side. Throws ProtocolError when that cuts an answer short. */
  finish(): void {
    if (this.#state === 'until-close') this.#end([]);
    else if (this.#state !== 'idle' && this.#state !== 'switched') throw new ProtocolError('the connection ended within an answer');
  }

  /** What is left to read; undefined when more bytes are needed. */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'idle':
        throw new ProtocolError('bytes that answer no request');
      case 'head':
        return this.#head(bytes);
      case 'length':
      case 'chunk-data':
        return this.#counted(bytes);
      case 'chunk-size':
        return this.#chunkSize(bytes);
      case 'chunk-end': {
        const line = this.#line(bytes, 2);
        if (line === undefined) return undefined;
        if (line.text !== '') throw new ProtocolError('a chunk is longer than announced');
        this.#state = 'chunk-size';
        return line.rest;
      }
      case 'trailers':
        return this.#trailers(bytes);
      case 'until-close':
        this.events.onBody(bytes);
        return undefined;
      case 'switched':
        return undefined;
    }
  }

  #head(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n', Math.max(0, this.#searched - 3), 'latin1');
    if ((end < 0 ? bytes.length : end) > MAX_HEAD) throw new ProtocolError(`a head of more than ${MAX_HEAD} bytes`);
    if (end < 0) {
      this.#searched = bytes.length;
      this.#pending = bytes;
      return undefined;
    }
    this.#searched = 0;
    const text = bytes.toString('latin1', 0, end);
    const rest = bytes.subarray(end + 4);
    const lines = text.split('\r\n');
    checkLine(lines[0] as string);
    const match = STATUS_LINE.exec(lines[0] as string);
    if (match === null) throw new ProtocolError('no HTTP/1.1 status line');
    const status = Number(match[2]);
    const headers: string[] = [];
    for (let i = 1; i < lines.length; i++) parseField(lines[i] as string, headers);
    const framing = framingOf(headers, match[1] === '1');
    const bodiless = status < 200 || status === 204 || status === 304 || this.#method === 'HEAD';
    const head = { status, reason: match[3] ?? '', headers, bodiless };
    if (status === 101) return this.#switch(head, rest);
    if (status < 200) {
      this.events.onInterim(head);
      return rest;
    }
    this.#framing = framing;
    this.#begin(head, framing);
    return rest;
  }

  #switch(head: ParsedHead, rest: Buffer): undefined {
    if (!this.#upgrade) throw new ProtocolError('the protocol was switched without being asked to');
    this.#state = 'switched';
    this.events.onSwitch(head, rest);
    return undefined;
  }

  #begin(head: ParsedHead, framing: Framing): void {
    const empty = head.bodiless || (!framing.chunked && framing.length === 0);
    this.#left = framing.length ?? 0;
    this.#state = empty ? 'idle' : framing.chunked ? 'chunk-size' : framing.length === undefined ? 'until-close' : 'length';
    this.events.onHead(empty ? { ...head, bodiless: true } : head);
    if (empty) this.#end([]);
  }

  #counted(bytes: Buffer): Buffer {
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    const last = this.#left === 0;
    const inChunk = this.#state === 'chunk-data';
    if (last && inChunk) this.#state = 'chunk-end';
    this.events.onBody(part);
    if (last && !inChunk) this.#end([]);
    return bytes.subarray(part.length);
  }

  #chunkSize(bytes: Buffer): Buffer | undefined {
    const line = this.#line(bytes, MAX_CHUNK_LINE);
    if (line === undefined) return undefined;
    const match = CHUNK_LINE.exec(line.text);
    if (match === null) throw new ProtocolError('no chunk size where one belongs');
    this.#left = Number.parseInt(match[1] as string, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return line.rest;
  }

  #trailers(bytes: Buffer): Buffer | undefined {
    if (bytes[0] === 0x0d && bytes[1] === 0x0a) {
      this.#end([]);
      return bytes.subarray(2);
    }
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if ((end < 0 ? bytes.length : end) > MAX_TRAILERS) throw new ProtocolError(`trailers of more than ${MAX_TRAILERS} bytes`);
    if (end < 0) {
      this.#pending = bytes;
      return undefined;
    }
    const text = bytes.toString('latin1', 0, end);
    const trailers: string[] = [];
    for (const line of text.split('\r\n')) parseField(line, trailers);
    this.#end(trailers);
    return bytes.subarray(end + 4);
  }

  /** A line without its end, of at most `max` bytes. */
  #line(bytes: Buffer, max: number): { text: string; rest: Buffer } | undefined {
    const end = bytes.indexOf('\r\n', 0, 'latin1');
    if ((end < 0 ? bytes.length - 1 : end) > max) throw new ProtocolError(`a line of more than ${max} bytes`);
    if (end < 0) {
      this.#pending = bytes;
      return undefined;
    }
    const text = bytes.toString('latin1', 0, end);
    checkLine(text);
    return { text, rest: bytes.subarray(end + 2) };
  }

  #end(trailers: RawHeaders): void {
    const whole = this.#state !== 'until-close';
    this.#state = 'idle';
    this.events.onEnd(trailers, whole && this.#framing.keepAlive, this.#framing.idleMs);
  }
}

function framingOf(headers: RawHeaders, http11: boolean): Framing {
  let length: number | undefined;
  let chunked = false;
  let keepAlive = http11;
  let idleMs: number | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    switch (name.length) {
      case 14: // content-length
        if (name.toLowerCase() !== 'content-length') break;
        if (length !== undefined || !DIGITS.test(value)) throw new ProtocolError('Content-Length is not one decimal number');
        length = Number(value);
        break;
      case 17: // transfer-encoding
        if (name.toLowerCase() !== 'transfer-encoding') break;
        if (chunked || !http11 || value.toLowerCase() !== 'chunked') throw new ProtocolError('a transfer coding other than chunked, or in HTTP/1.0');
        chunked = true;
        break;
      case 10: // connection, keep-alive
        if (/^connection$/i.test(name) && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value)) keepAlive = false;
        else if (/^keep-alive$/i.test(name)) idleMs = seconds(value) ?? idleMs;
        break;
    }
  }
  if (chunked && length !== undefined) throw new ProtocolError('both Content-Length and Transfer-Encoding');
  return { length, chunked, keepAlive, idleMs };
}

/** `timeout=5` of a Keep-Alive field, in ms. */
function seconds(value: string): number | undefined {
  const match = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i.exec(value);
  return match === null ? undefined : Number(match[1]) * 1000;
}
