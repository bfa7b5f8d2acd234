/**
 * One admitted HTTP/1.1 request to the application and its answer back, both streamed, both at once.
 *
 *   client goes away          → the application's connection is destroyed
 *   application breaks off    → before its head: 502; within its body: the client's connection is destroyed,
 *                               so that half an answer never looks like a whole one
 *   answer before request end → passes at once; the request goes on until either side ends it
 */
import { randomUUID } from 'node:crypto';
import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { messageOf } from '../errors/index.js';
import { UnreachableError, type MicrovmGateway } from '../microvms/contracts.js';
import type { Target } from './authorize.js';
import { toApplication, trailerPairs } from './headers.js';
import { pump } from './pump.js';
import { REFUSAL, UNREACHABLE } from './refusals.js';
import { refuse, startAnswer } from './respond.js';
import { hasBody } from './strictness.js';
import type { UpstreamAgent, UpstreamOptions } from './upstream-agent.js';

export interface ForwardDeps {
  readonly gateway: Pick<MicrovmGateway, 'touch'>;
  readonly agent: UpstreamAgent;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
}

/** Safe to send twice when it is unknown whether the first one arrived (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** Methods for which node would announce a chunked body where the client announced none. */
const NO_BODY_EXPECTED = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/** Options of the request that reaches the application; `headers` as raw pairs. */
export function upstreamOptions(agent: UpstreamAgent, req: IncomingMessage, target: Target, headers: string[]): Omit<UpstreamOptions, 'onDial'> {
  const { id, suspendedAt, state } = target.microvm;
  // A connection from before a suspend is dead: it must not be met after it.
  const poolKey = `${id}:${target.port}:${suspendedAt ?? 0}`;
  if (state !== 'RUNNING') agent.drop(poolKey);
  return {
    agent, microvmId: id, appPort: target.port, poolKey,
    method: req.method, path: req.url, headers, setHost: false, insecureHTTPParser: false,
  };
}

/** Resolves nothing and throws nothing: every outcome is an answer or a cut connection. */
export function forward(deps: ForwardDeps, req: IncomingMessage, res: ServerResponse, target: Target): void {
  new Exchange(deps, req, res, target).start();
}

class Exchange {
  readonly #touch: () => void;
  readonly #hasBody: boolean;
  readonly #headers: string[];
  #upstream: ClientRequest | undefined;
  #dialing: AbortController | undefined;
  #stopUpload: (() => void) | undefined;
  #retried = false;
  /** `Expect: 100-continue` without a 100 so far. Node ends the client's connection if it stays so. Unknown: endpoint-expect */
  #awaitsContinue: boolean;

  constructor(
    private readonly deps: ForwardDeps,
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
    private readonly target: Target,
  ) {
    const { id } = target.microvm;
    this.#touch = () => deps.gateway.touch(id);
    this.#hasBody = hasBody(req);
    this.#awaitsContinue = req.headers.expect !== undefined;
    this.#headers = toApplication(req.rawHeaders, randomUUID());
    this.#frame();
  }

  start(): void {
    this.#touch();
    this.res.on('error', () => this.#abandon()); // a write after the client went away
    this.res.once('close', () => this.#clientClosed());
    this.#send();
  }

  #frame(): void {
    const { headers, method = '' } = this.req;
    if (headers['transfer-encoding'] !== undefined) this.#headers.push('transfer-encoding', 'chunked');
    else if (headers['content-length'] === undefined && !NO_BODY_EXPECTED.has(method)) this.#headers.push('content-length', '0');
    // The proxy passes trailers, so it may say so for itself where the client did.
    if (/\btrailers\b/i.test(String(headers.te))) this.#headers.push('te', 'trailers', 'connection', 'TE');
  }

  #send(): void {
    const upstream = request({
      ...upstreamOptions(this.deps.agent, this.req, this.target, this.#headers),
      onDial: (controller: AbortController) => (this.#dialing = controller),
    } as UpstreamOptions);
    upstream.maxHeadersCount = 0; // none may be dropped silently; the head's size has its own limit
    this.#upstream = upstream;
    upstream.on('response', (answer) => this.#answered(answer));
    upstream.on('information', ({ statusCode }) => this.#informed(statusCode));
    upstream.on('error', (error) => this.#failed(upstream, error));
    upstream.once('close', () => {
      if (upstream !== this.#upstream) return;
      // The application reads no more; what it answered stands if it was whole.
      this.#stopUpload?.();
      // Without an error and without an answer: an unasked-for 101, for one.
      if (!this.res.headersSent && !this.res.closed) refuse(this.res, REFUSAL.appFailed);
    });
    if (this.#hasBody) this.#upload(upstream);
    else upstream.end();
  }

  #upload(upstream: ClientRequest): void {
    const { req } = this;
    this.#stopUpload = pump(req, upstream, this.#touch);
    req.once('end', () => {
      if (upstream.destroyed) return;
      if (req.rawTrailers.length > 0 && req.headers['transfer-encoding'] !== undefined) upstream.addTrailers(trailerPairs(req.rawTrailers));
      upstream.end();
    });
  }

  #informed(status: number): void {
    if (status !== 100 || !this.#awaitsContinue || this.res.headersSent) return;
    this.#awaitsContinue = false;
    this.res.writeContinue();
  }

  #answered(answer: IncomingMessage): void {
    const { res } = this;
    this.#touch();
    try {
      startAnswer(res, answer);
    } catch (error) {
      this.deps.log.debug({ microvmId: this.target.microvm.id, reason: messageOf(error) }, 'the application answered a head that cannot be sent on');
      this.#upstream?.destroy();
      return refuse(res, REFUSAL.appFailed);
    }
    answer.once('error', () => res.destroy());
    answer.once('close', () => {
      if (!answer.complete) res.destroy();
    });
    pump(answer, res, this.#touch);
    answer.once('end', () => {
      if (answer.rawTrailers.length > 0 && res.chunkedEncoding) res.addTrailers(trailerPairs(answer.rawTrailers));
      res.end();
    });
  }

  #failed(upstream: ClientRequest, error: Error): void {
    const { res, target } = this;
    if (upstream !== this.#upstream || res.closed || res.headersSent) return; // `close` follows and ends the exchange
    const stale = upstream.reusedSocket && !this.#retried && !this.#hasBody && IDEMPOTENT.has(this.req.method ?? '');
    if (stale) {
      this.#retried = true;
      this.deps.agent.drop(upstreamOptions(this.deps.agent, this.req, target, this.#headers).poolKey);
      return this.#send();
    }
    if (error instanceof UnreachableError) {
      this.deps.log.debug({ microvmId: target.microvm.id, port: target.port, reason: error.reason, detail: error.message }, 'application not reached');
      return refuse(res, UNREACHABLE[error.reason]);
    }
    this.deps.log.debug({ microvmId: target.microvm.id, port: target.port, detail: messageOf(error) }, 'no answer from the application');
    refuse(res, REFUSAL.appFailed);
  }

  #clientClosed(): void {
    if (this.res.writableFinished && this.req.complete) return;
    if (!this.res.writableFinished) return this.#abandon();
    // Answered before the request ended: the rest still belongs to the application, while both are there.
    this.req.socket.once('close', () => this.#abandon());
  }

  #abandon(): void {
    this.#dialing?.abort();
    this.#upstream?.destroy();
  }
}
