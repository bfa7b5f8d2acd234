/**
 * Connections to applications, kept for reuse. One owner for all: {@link UpstreamAgent.destroy} ends them.
 *
 * A kept connection is ended after one second without use. That is below the shortest keep-alive time of common
 * servers (gunicorn 2 s, node 5 s), so a request seldom meets a connection its server just closed; and a connection
 * into a VM that went away without a word cannot be met later either.
 */
import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { MicrovmGateway } from '../microvms/contracts.js';

export interface UpstreamOptions extends ClientRequestArgs {
  readonly microvmId: string;
  readonly appPort: number;
  /** Connections are shared by requests with equal keys. */
  readonly poolKey: string;
  /** Aborts the connecting; called when a connection is being made, not when one is reused. */
  readonly onDial: (controller: AbortController) => void;
}

const IDLE_MS = 1000;
const SWEEP_MS = 500;
const MAX_IDLE_PER_KEY = 64;

export class UpstreamAgent extends Agent {
  readonly #idleSince = new WeakMap<Duplex, number>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();

  constructor(private readonly gateway: Pick<MicrovmGateway, 'connect'>) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE_PER_KEY, scheduling: 'lifo' });
  }

  override createConnection(options: ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const { microvmId, appPort, onDial } = options as UpstreamOptions;
    const controller = new AbortController();
    onDial(controller);
    this.gateway.connect(microvmId, appPort, controller.signal).then(
      (stream) => {
        if (controller.signal.aborted) return void stream.destroy();
        callback?.(null, stream);
      },
      // The type asks for a stream; node passes none with an error.
      (error: unknown) => callback?.(error instanceof Error ? error : new Error(String(error)), undefined as unknown as Duplex),
    );
    return undefined;
  }

  override getName(options?: ClientRequestArgs): string {
    return (options as UpstreamOptions).poolKey;
  }

  /** Whether to keep it. Only a stream that is a handle (a socket) can be: `Agent` refs and unrefs it. */
  override keepSocketAlive(stream: Duplex): boolean {
    if (!('ref' in stream)) return false;
    this.#idleSince.set(stream, performance.now());
    // Data without a request, or the end: nothing that follows on this connection could be trusted or answered.
    stream.once('data', end).once('end', end);
    return true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    stream.off('data', end).off('end', end);
    super.reuseSocket(stream, request);
  }

  /** Ends the idle connections of a key. */
  drop(poolKey: string): void {
    for (const stream of [...(this.freeSockets[poolKey] ?? [])]) stream.destroy();
  }

  override destroy(): void {
    clearInterval(this.#sweeper);
    super.destroy();
  }

  #sweep(): void {
    const oldest = performance.now() - IDLE_MS;
    for (const streams of Object.values(this.freeSockets)) {
      for (const stream of [...(streams ?? [])]) {
        if ((this.#idleSince.get(stream) ?? 0) <= oldest) stream.destroy();
      }
    }
    // `Agent` leaves an empty list behind for each key whose connecting failed, and makes a new one when it needs it.
    const lists = this.sockets as Record<string, readonly Duplex[]>;
    for (const key of Object.keys(lists)) {
      if (lists[key]?.length === 0) Reflect.deleteProperty(lists, key);
    }
  }
}

function end(this: Duplex): void {
  this.destroy();
}
