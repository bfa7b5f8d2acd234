/** A request as a client sent it and the way to answer it, HTTP/1.1 and HTTP/2 alike. */
import type { Readable } from 'node:stream';
import type { RawHeaders } from './headers.js';
import type { Refusal } from './refusals.js';
import type { AnswerHead } from './upstream/contracts.js';

export interface Inbound {
  readonly method: string;
  readonly path: string;
  /** Raw pairs as sent, `Host` among them, no pseudo fields. */
  readonly headers: RawHeaders;
  readonly hasBody: boolean;
  readonly body: Readable;
  /** Of HTTP/2: an answer's trailers need no announcement, and gRPC may follow. */
  readonly isHttp2: boolean;
  /** IP address of the client. */
  readonly clientAddress: string;
  /** The client waits for a 100 before it sends the body. */
  readonly awaitsContinue: boolean;
  /** A head went to the client. */
  readonly isAnswered: boolean;
  /** Nothing can be sent to the client any more. */
  readonly isClosed: boolean;

  /** Once the body ended: its end is the request's, not that of a reset, which node tells in the same way. */
  readonly isBodyWhole: boolean;

  /** Of the body; once it ended. */
  trailers(): RawHeaders;
  inform(status: number, headers: RawHeaders): void;
  /** Throws when this head cannot be sent (a status out of range, characters no header may have). */
  answer(head: AnswerHead): void;
  /** False: wait for {@link InboundEvents.clientDrained}. */
  write(chunk: Buffer): boolean;
  /** Sends a head that has no body yet. */
  flush(): void;
  end(lastChunk: Buffer | undefined, trailers: RawHeaders): void;
  /** Answers instead of the application; when an answer has begun already, as {@link Inbound.reset}. */
  refuse(refusal: Refusal): void;
  /** Lets the client see that the exchange broke. */
  reset(code?: number): void;
  listen(events: InboundEvents): void;
}

export interface InboundEvents {
  /** {@link Inbound.write} may go on. */
  clientDrained(): void;
  /** The client is gone before all was sent and received. `code`: of an HTTP/2 reset. */
  clientClosed(code?: number): void;
}
