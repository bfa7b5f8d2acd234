import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawHeaders } from './headers.js';
import type { Inbound, InboundEvents } from './inbound.js';
import type { Refusal } from './refusals.js';
import { refuse, startAnswer } from './respond.js';
import { hasBody } from './strictness.js';
import type { AnswerHead } from './upstream/contracts.js';

const EARLY_HINTS = 103;
/** Bytes up to which copying is cheaper than a second write. */
const SMALL = 8 * 1024;

export class Http1Inbound implements Inbound {
  readonly isHttp2 = false;
  readonly hasBody: boolean;
  #events: InboundEvents | undefined;
  /** For a drain. */
  #waits = false;

  constructor(
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
  ) {
    this.hasBody = hasBody(req);
  }

  get method(): string {
    return this.req.method ?? '';
  }

  get path(): string {
    return this.req.url ?? '';
  }

  get headers(): RawHeaders {
    return this.req.rawHeaders;
  }

  get body(): IncomingMessage {
    return this.req;
  }

  get clientAddress(): string {
    return this.req.socket.remoteAddress ?? '';
  }

  /** Node ends the client's connection if no 100 is sent. Unknown: endpoint-expect */
  get awaitsContinue(): boolean {
    return this.req.headers.expect !== undefined;
  }

  get isAnswered(): boolean {
    return this.res.headersSent;
  }

  get isClosed(): boolean {
    return this.res.closed;
  }

  get isBodyWhole(): boolean {
    return this.req.complete;
  }

  trailers(): RawHeaders {
    // Only a chunked body has some.
    return this.req.headers['transfer-encoding'] === undefined ? [] : this.req.rawTrailers;
  }

  inform(status: number, headers: RawHeaders): void {
    if (status === 100) return this.res.writeContinue();
    if (status !== EARLY_HINTS || this.req.httpVersion === '1.0') return;
    const links = headers.filter((_text, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'link');
    if (links.length > 0 && links.every((link) => LINK.test(link))) this.res.writeEarlyHints({ link: links });
  }

  answer(head: AnswerHead): void {
    startAnswer(this.req, this.res, head);
  }

  write(chunk: Buffer): boolean {
    if (this.res.write(chunk)) return true;
    if (!this.#waits) this.res.once('drain', () => {
      this.#waits = false;
      this.#events?.clientDrained();
    });
    this.#waits = true;
    return false;
  }

  flush(): void {
    if (!this.res.writableEnded && !this.res.destroyed) this.res.flushHeaders();
  }

  end(lastChunk: Buffer | undefined, trailers: RawHeaders): void {
    if (trailers.length > 0 && this.res.chunkedEncoding) {
      try {
        this.res.addTrailers(pairsOf(trailers));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return this.reset(); // characters no field may have: the message is broken off, not shortened
      }
    }
    if (lastChunk === undefined) this.res.end();
    // As text a small body leaves in one piece with its head: one write and one TLS record instead of two.
    else if (lastChunk.length <= SMALL) this.res.end(lastChunk.toString('latin1'), 'latin1');
    else this.res.end(lastChunk);
  }

  refuse(refusal: Refusal): void {
    refuse(this.res, refusal);
  }

  reset(): void {
    this.res.destroy();
  }

  listen(events: InboundEvents): void {
    const { req, res } = this;
    res.on('error', () => events.clientClosed()); // a write after the client went away
    this.#events = events;
    res.once('close', () => {
      if (!res.writableFinished) return events.clientClosed();
      // Answered before the request ended: the rest still belongs to the application, while both are there.
      if (!req.complete) req.socket.once('close', () => events.clientClosed());
    });
  }
}

/** What node takes as a link; it throws for others. */
const LINK = /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/;

/** As node's `addTrailers` takes them. */
function pairsOf(raw: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] as string, raw[i + 1] as string]);
  return pairs;
}
