/**
 * One admitted request to the application and its answer back, both streamed, both at once.
 *
 *   client goes away          → the application's connection or stream is reset
 *   application breaks off    → before its head: 502; within its body: the client's connection or stream is reset,
 *                               so that half an answer never looks like a whole one
 *   answer before request end → passes at once; the request goes on until either side ends it
 */
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { messageOf } from '../errors/index.js';
import type { ProxyMetrics, ProxyOutcome } from '../metrics/contracts.js';
import { UnreachableError, type MicrovmGateway } from '../microvms/contracts.js';
import type { Target } from './authorize.js';
import { toApplication, trailersOf, type RawHeaders } from './headers.js';
import { Flow, type Pace } from './flow.js';
import { withoutPort } from './hosts.js';
import type { Inbound, InboundEvents } from './inbound.js';
import { outcomeOfAnswer, outcomeOfRefusal } from './outcomes.js';
import { REFUSAL, UNREACHABLE, type Refusal } from './refusals.js';
import type { AnswerHead, AnswerSink, Call, Failure, UpstreamRequest } from './upstream/contracts.js';
import type { Channel, Destination, Upstreams } from './upstream/upstreams.js';

export interface ForwardDeps {
  readonly gateway: Pick<MicrovmGateway, 'touch' | 'answered'>;
  readonly upstreams: Upstreams;
  readonly metrics: ProxyMetrics;
  readonly log: Pick<Logger, 'debug'>;
}

/** Safe to send twice when it is unknown whether the first one arrived (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Where the requests for a target go. */
export function destinationOf({ microvm, port }: Target, host: string, version: Destination['version']): Destination {
  const { id, suspendedAt } = microvm;
  // A connection from before a suspend is dead: it must not be met after it.
  return { microvmId: id, port, poolKey: `${id}:${port}:${suspendedAt ?? 0}`, serverName: withoutPort(host), version };
}

/** What goes to the application, and where. */
export interface Errand {
  readonly request: UpstreamRequest;
  readonly destination: Destination;
  /** Of a request that wants to change protocols. */
  readonly onSwitch?: (head: AnswerHead, stream: Duplex, rest: Buffer) => void;
}

/** An ordinary request. `http2`: HTTP/2 to an application without TLS. */
export function errandOf(inbound: Inbound, target: Target, host: string, http2: boolean): Errand {
  const headers = toApplication(inbound.headers, { clientAddress: inbound.clientAddress, requestId: randomUUID() });
  return {
    request: { method: inbound.method, path: inbound.path, headers, hasBody: inbound.hasBody },
    destination: destinationOf(target, host, http2 ? 'http2' : 'any'),
  };
}

/** Throws nothing: every outcome is an answer, a reset or a cut connection. */
export function forward(deps: ForwardDeps, inbound: Inbound, target: Target, pace: Pace | undefined, errand: Errand): void {
  new Exchange(deps, inbound, target, pace, errand).start();
}

class Exchange implements AnswerSink, InboundEvents {
  readonly #id: string;
  readonly #download: Flow;
  readonly #upload: Flow;
  /** While connecting. */
  #dialing: AbortController | undefined;
  /** Until both the request and the answer are through. */
  #call: Call | undefined;
  #requestDone: boolean;
  #answerDone = false;
  /** First bytes of the body, until it is known whether they are all of it. */
  #held: Buffer | undefined;
  #retried = false;
  /** What became of it is counted. */
  #counted = false;
  /** ms, when it went to the application. */
  #passedOn = 0;
  #awaitsContinue: boolean;

  constructor(
    private readonly deps: ForwardDeps,
    private readonly inbound: Inbound,
    private readonly target: Target,
    private readonly pace: Pace | undefined,
    private readonly errand: Errand,
  ) {
    this.#id = target.microvm.id;
    this.#requestDone = !errand.request.hasBody;
    this.#awaitsContinue = inbound.awaitsContinue;
    this.#download = new Flow(this);
    this.#upload = new Flow(inbound.body);
  }

  start(): void {
    this.deps.gateway.touch(this.#id);
    this.inbound.listen(this);
    this.#send();
  }

  // What flows from the application, for `Flow`.
  pause(): void {
    if (!this.#answerDone) this.#call?.pause();
  }

  resume(): void {
    if (!this.#answerDone) this.#call?.resume();
  }

  #send(): void {
    const { upstreams } = this.deps;
    // Connections of a MicroVM that was stopped meanwhile are of no use.
    if (this.target.microvm.state !== 'RUNNING') upstreams.drop(this.errand.destination);
    const channel = upstreams.take(this.errand.destination);
    if (channel !== undefined) return this.#begin(channel);
    const controller = new AbortController();
    this.#dialing = controller;
    upstreams.open(this.errand.destination, controller.signal).then(
      (opened) => {
        this.#dialing = undefined;
        this.#begin(opened);
      },
      (error: unknown) => {
        this.#dialing = undefined;
        if (!controller.signal.aborted) this.failed(error instanceof Error ? error : new Error(String(error)), { unprocessed: false });
      },
    );
  }

  #begin(channel: Channel): void {
    const { inbound } = this;
    if (inbound.isClosed) return channel.discard();
    this.#passedOn = performance.now();
    const call = channel.start(this.errand.request, this);
    this.#call = call;
    if (this.#requestDone || this.#retried) return;
    inbound.body.on('data', (chunk: Buffer) => {
      this.deps.gateway.touch(this.#id);
      this.deps.metrics.proxyBytes('in', chunk.length);
      if (this.#requestDone) return;
      if (!call.write(chunk)) this.#upload.hold('sink');
      this.#upload.spend(this.pace, chunk.length);
    });
    inbound.body.once('end', () => {
      if (this.#requestDone || !inbound.isBodyWhole) return;
      this.#requestDone = true;
      call.end(trailersOf(inbound.trailers()));
      if (this.#answerDone) this.#call = undefined;
    });
  }

  // From the application.

  informed(status: number, headers: RawHeaders): void {
    if (this.inbound.isAnswered || this.inbound.isClosed) return;
    if (status === 100 && !this.#awaitsContinue) return;
    if (status === 100) this.#awaitsContinue = false;
    try {
      this.inbound.inform(status, status === 100 ? [] : headers);
    } catch (error) {
      // Fields that node does not send; nothing depends on an interim answer.
      this.deps.log.debug({ microvmId: this.#id, reason: messageOf(error) }, 'an interim answer cannot be sent on');
    }
  }

  answered(head: AnswerHead): void {
    this.deps.gateway.touch(this.#id);
    this.deps.gateway.answered(this.#id);
    this.deps.metrics.proxyUpstream(performance.now() - this.#passedOn);
    try {
      this.inbound.answer(head);
      this.#count(outcomeOfAnswer(head.status));
    } catch (error) {
      this.deps.log.debug({ microvmId: this.#id, reason: messageOf(error) }, 'the application answered a head that cannot be sent on');
      this.#giveUp();
      this.#refuse(REFUSAL.appFailed);
    }
  }

  data(chunk: Buffer): void {
    this.deps.gateway.touch(this.#id);
    this.deps.metrics.proxyBytes('out', chunk.length);
    if (this.#held === undefined) this.#held = chunk;
    else {
      this.#write(this.#held);
      this.#held = chunk;
    }
    this.#download.spend(this.pace, chunk.length);
  }

  flush(): void {
    if (this.#answerDone) return;
    if (this.#held !== undefined) {
      const chunk = this.#held;
      this.#held = undefined;
      this.#write(chunk);
    } else if (this.inbound.isAnswered) this.inbound.flush();
  }

  ended(trailers: RawHeaders): void {
    this.#answerDone = true;
    if (this.#requestDone) this.#call = undefined;
    const last = this.#held;
    this.#held = undefined;
    this.inbound.end(last, trailersOf(trailers));
  }

  drained(): void {
    this.#upload.release('sink');
  }

  switched(head: AnswerHead, stream: Duplex, rest: Buffer): void {
    this.deps.gateway.answered(this.#id);
    this.#call = undefined;
    this.#answerDone = true;
    if (this.inbound.isClosed) return void stream.destroy();
    try {
      this.errand.onSwitch?.(head, stream, rest);
      this.#count('upgraded');
    } catch (error) {
      this.deps.log.debug({ microvmId: this.#id, reason: messageOf(error) }, 'the application answered a head that cannot be sent on');
      stream.destroy();
      this.#refuse(REFUSAL.appFailed);
    }
  }

  failed(error: Error, { unprocessed, resetCode }: Failure): void {
    const { inbound, deps } = this;
    this.#call = undefined;
    if (inbound.isClosed) return;
    if (inbound.isAnswered) {
      this.#answerDone = true;
      return inbound.reset(resetCode);
    }
    if (unprocessed && !this.#retried && !this.errand.request.hasBody && IDEMPOTENT.has(inbound.method)) {
      this.#retried = true;
      deps.upstreams.drop(this.errand.destination);
      return this.#send();
    }
    this.#answerDone = true;
    this.#requestDone = true;
    inbound.body.resume(); // what still comes of the request goes nowhere
    if (error instanceof UnreachableError) {
      deps.log.debug({ microvmId: this.#id, port: this.target.port, reason: error.reason, detail: error.message }, 'application not reached');
      return this.#refuse(UNREACHABLE[error.reason]);
    }
    deps.upstreams.doubt(this.errand.destination);
    deps.log.debug({ microvmId: this.#id, port: this.target.port, detail: messageOf(error) }, 'no answer from the application');
    this.#refuse(REFUSAL.appFailed);
  }

  // From the client.

  clientDrained(): void {
    this.#download.release('sink');
  }

  clientClosed(code?: number): void {
    this.#count('client-left');
    this.#dialing?.abort();
    this.#giveUp(code);
  }

  #refuse(refusal: Refusal): void {
    this.#count(outcomeOfRefusal(refusal));
    this.inbound.refuse(refusal);
  }

  /** The first that is known of its end. */
  #count(outcome: ProxyOutcome): void {
    if (this.#counted) return;
    this.#counted = true;
    this.deps.metrics.proxyRequest(outcome);
  }

  #write(chunk: Buffer): void {
    if (!this.inbound.write(chunk)) this.#download.hold('sink');
  }

  #giveUp(code?: number): void {
    const call = this.#call;
    this.#call = undefined;
    this.#answerDone = true;
    call?.abort(code);
  }
}
