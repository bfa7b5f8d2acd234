/** Between an exchange and the connection to its application, HTTP/1.1 and HTTP/2 alike. Callbacks, not streams: one request costs few objects. */
import type { Duplex } from 'node:stream';
import type { RawHeaders } from '../headers.js';

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Raw pairs without hop-by-hop fields, without pseudo fields; `Host` first. */
  readonly headers: RawHeaders;
  /** Bytes of a body may follow. `Content-Length` is among the headers when the client told it. */
  readonly hasBody: boolean;
  /** `Upgrade` field of a request that wants to change protocols; HTTP/1.1 only. */
  readonly upgrade?: string | undefined;
}

/** What comes back, in this order: informed*, (answered, data*, ended) or switched; failed may cut it short anywhere. */
export interface AnswerSink {
  /** An interim answer (1xx other than 101). */
  informed(status: number, headers: RawHeaders): void;
  answered(head: AnswerHead): void;
  data(chunk: Buffer): void;
  /** Nothing more is at hand now: what is held back should go out. */
  flush(): void;
  ended(trailers: RawHeaders): void;
  /** The application agreed to change protocols: the connection is the receiver's, `rest` came right behind the head. */
  switched(head: AnswerHead, stream: Duplex, rest: Buffer): void;
  /** Nothing follows. `resetCode`: the HTTP/2 error code the application gave, if it did. */
  failed(error: Error, failure: Failure): void;
  /** The call takes more after {@link Call.write} answered false. */
  drained(): void;
}

export interface AnswerHead {
  readonly status: number;
  /** Empty in HTTP/2. */
  readonly reason: string;
  readonly headers: RawHeaders;
  /** The head is all: neither body nor trailers follow, nor could they. */
  readonly bodiless: boolean;
}

export interface Failure {
  /** The application cannot have acted on the request: its connection was closed before, or it said so. */
  readonly unprocessed: boolean;
  /** HTTP/2 error code the application gave. */
  readonly resetCode?: number | undefined;
}

/** One request under way. */
export interface Call {
  /** False: wait for {@link AnswerSink.drained}. */
  write(chunk: Buffer): boolean;
  end(trailers: RawHeaders): void;
  /** Stops and goes on with {@link AnswerSink.data}. */
  pause(): void;
  resume(): void;
  /** Gives the request up; the application sees a reset. Nothing is called back afterwards. */
  abort(resetCode?: number): void;
}

/** The peer broke its protocol. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}
