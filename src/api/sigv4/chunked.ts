/**
 * Decoder of S3's aws-chunked bodies:
 *
 *     <hex size>[;chunk-signature=<hex>]\r\n <bytes> \r\n ... 0[;chunk-signature=<hex>]\r\n [trailers \r\n] \r\n
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html (and -trailers). Bytes pass through as they come and are
 * hashed on the way; a bad signature fails the stream at its chunk's end, before whoever stores the object can commit it.
 */
import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { S3Error } from '../../aws/contracts.js';
import { sha256 } from './canonical.js';
import { sameSignature, sign } from './key.js';

/** Longest size or trailer line, in bytes; a signature takes about 90. */
const maxLine = 4096;
const maxTrailers = 16;
const emptyHash = sha256('');

export interface ChunkSigning {
  readonly key: Buffer;
  /** Signature of the request's head: the chain's first link. */
  readonly seed: string;
  readonly timestamp: string;
  readonly scope: string;
}

export interface ChunkedOptions {
  /** absent: STREAMING-UNSIGNED-PAYLOAD-TRAILER */
  readonly signing?: ChunkSigning | undefined;
  readonly trailers: boolean;
  /** x-amz-decoded-content-length, bytes */
  readonly decodedLength: number;
  /** Filled while the stream runs, names in lower case. */
  readonly into: Map<string, string>;
}

type State = 'size' | 'data' | 'data-end' | 'trailer' | 'end' | 'done';

export class ChunkedDecoder extends Transform {
  private state: State = 'size';
  private line = '';
  private left = 0; // bytes of the current chunk still to come
  private total = 0;
  private chunkHash: Hash = createHash('sha256');
  private chunkSignature = '';
  private previous: string;
  private trailerText = '';
  private trailerSignature: string | undefined;

  constructor(private readonly options: ChunkedOptions) {
    super();
    this.previous = options.signing?.seed ?? '';
  }

  override _transform(data: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.consume(data);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    if (this.state === 'done' && this.total === this.options.decodedLength) return done();
    done(new S3Error('IncompleteBody', `the body ended after ${this.total} of the ${this.options.decodedLength} bytes that x-amz-decoded-content-length promised`));
  }

  private consume(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.state === 'data') at = this.takeData(data, at);
      else if (this.state === 'done') throw malformed('bytes after the last chunk');
      else at = this.takeLine(data, at);
    }
  }

  private takeData(data: Buffer, at: number): number {
    const piece = data.subarray(at, at + this.left);
    this.left -= piece.length;
    this.total += piece.length;
    if (this.total > this.options.decodedLength) throw new S3Error('IncompleteBody', `the body has more than the ${this.options.decodedLength} bytes that x-amz-decoded-content-length promised`);
    if (this.options.signing) this.chunkHash.update(piece);
    this.push(piece);
    if (this.left === 0) this.state = 'data-end';
    return at + piece.length;
  }

  private takeLine(data: Buffer, at: number): number {
    const newline = data.indexOf(0x0a, at);
    const end = newline < 0 ? data.length : newline + 1;
    this.line += data.toString('latin1', at, end);
    if (this.line.length > maxLine) throw malformed(`a line of more than ${maxLine} bytes`);
    if (newline < 0) return end;
    // AWS's own description ends a trailer with a bare LF; chunk heads always have CR LF.
    if (!this.line.endsWith('\r\n') && this.state !== 'trailer') throw malformed('a line that does not end with CR LF');
    const line = this.line.replace(/\r?\n$/, '');
    this.line = '';
    this.onLine(line);
    return end;
  }

  private onLine(line: string): void {
    if (this.state === 'size') this.onSize(line);
    else if (this.state === 'data-end') this.onDataEnd(line);
    else if (this.state === 'trailer') this.onTrailer(line);
    else if (line !== '') throw malformed('text after the last chunk');
    else this.state = 'done';
  }

  private onSize(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match) throw malformed('a chunk head that is not <hex size>[;chunk-signature=<hex>]');
    this.left = parseInt(match[1] ?? '', 16);
    this.chunkSignature = match[2] ?? '';
    this.chunkHash = createHash('sha256');
    if (this.left > 0) {
      this.state = 'data';
      return;
    }
    this.checkChunk();
    this.state = this.options.trailers ? 'trailer' : 'end';
  }

  private onDataEnd(line: string): void {
    if (line !== '') throw malformed('a chunk longer than its head says');
    this.checkChunk();
    this.state = 'size';
  }

  private onTrailer(line: string): void {
    if (line === '') {
      // The same description has an empty line between the trailers and their signature.
      if (this.options.signing && this.trailerSignature === undefined) return;
      return this.onTrailersEnd();
    }
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('a trailer without a colon');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') {
      this.trailerSignature = value;
      return;
    }
    if (this.options.into.size >= maxTrailers) throw malformed(`more than ${maxTrailers} trailers`);
    this.options.into.set(name, value);
    this.trailerText += `${name}:${value}\n`;
  }

  private onTrailersEnd(): void {
    const { signing } = this.options;
    if (signing) {
      const text = ['AWS4-HMAC-SHA256-TRAILER', signing.timestamp, signing.scope, this.previous, sha256(this.trailerText)].join('\n');
      if (!sameSignature(sign(signing.key, text), this.trailerSignature ?? '')) throw mismatch();
    }
    this.state = 'done';
  }

  private checkChunk(): void {
    const { signing } = this.options;
    if (!signing) return;
    const text = ['AWS4-HMAC-SHA256-PAYLOAD', signing.timestamp, signing.scope, this.previous, emptyHash, this.chunkHash.digest('hex')].join('\n');
    const expected = sign(signing.key, text);
    if (!sameSignature(expected, this.chunkSignature)) throw mismatch();
    this.previous = expected;
  }
}

function malformed(what: string): S3Error {
  return new S3Error('InvalidRequest', `the aws-chunked body has ${what}`);
}

function mismatch(): S3Error {
  return new S3Error('SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided. Check your key and signing method.');
}
