/** The way to applications: which protocol, a connection that is there or a new one. */
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { LruMap } from '../../collections/lru-map.js';
import type { MicrovmGateway } from '../../microvms/contracts.js';
import type { AnswerSink, Call, UpstreamRequest } from './contracts.js';
import { Http1Pool } from './http1-pool.js';
import { Http2Pool } from './http2-pool.js';
import { Protocols, type Place } from './protocols.js';

export interface Destination extends Place {
  /** Connections are shared by requests with equal keys. */
  readonly poolKey: string;
  /** For an application that speaks TLS: name without port. */
  readonly serverName: string;
  /**
   *   any     HTTP/1.1 over plain TCP; over TLS HTTP/2 if the application offers it
   *   http2   HTTP/2 over plain TCP too, by prior knowledge
   *   http1   HTTP/1.1, over TLS too: the request changes protocols
   */
  readonly version: 'any' | 'http2' | 'http1';
}

/** A connection that takes a request. */
export interface Channel {
  start(request: UpstreamRequest, sink: AnswerSink): Call;
  /** Nothing is asked on it after all. */
  discard(): void;
}

/** An application has this long for a TLS handshake. */
const HANDSHAKE_MS = 10_000;
const REMEMBERED = 16_384;

export class Upstreams {
  readonly #protocols: Protocols;
  readonly #http1 = new Http1Pool();
  readonly #http2 = new Http2Pool();
  /** Connections under way that may be shared once they stand, by key. */
  readonly #opening = new Map<string, Promise<unknown>>();
  /** Pool keys whose application chose HTTP/1.1 over TLS: its connections cannot be shared, so each makes its own. */
  readonly #unshared = new LruMap<string, true>(REMEMBERED);

  constructor(private readonly gateway: Pick<MicrovmGateway, 'connect' | 'isRunning'>) {
    this.#protocols = new Protocols(({ microvmId, port }, signal) => this.gateway.connect(microvmId, port, signal));
  }

  /** One that is there already. */
  take(to: Destination): Channel | undefined {
    const tls = this.#protocols.known(to);
    // A MicroVM that is being suspended is waited for, or resumed: its connections are about to end.
    if (tls === undefined || !this.gateway.isRunning(to.microvmId)) return undefined;
    if (tls) return (to.version === 'http1' ? undefined : this.#http2.take(`${to.poolKey} tls`)) ?? this.#http1.take(`${to.poolKey} tls`);
    return to.version === 'http2' ? this.#http2.take(to.poolKey) : this.#http1.take(to.poolKey);
  }

  /** A new one, or one that another request opened meanwhile. Rejects as the gateway does, or with the signal's reason. */
  async open(to: Destination, signal: AbortSignal): Promise<Channel> {
    if (await this.#protocols.speaksTls(to, to.serverName, signal)) return this.#openTls(to, signal);
    if (to.version === 'http2') {
      return this.#shared(to.poolKey, to, signal, async () => this.#http2.adopt(to.poolKey, await this.#connect(to, signal), 'http'));
    }
    return this.#http1.adopt(to.poolKey, await this.#connect(to, signal));
  }

  /** The answer made no sense in the protocol the application was thought to speak. */
  doubt(to: Place): void {
    this.#protocols.forget(to);
  }

  /** Ends the idle connections of a key. */
  drop({ poolKey }: Destination): void {
    for (const key of [poolKey, `${poolKey} tls`]) {
      this.#http1.drop(key);
      this.#http2.drop(key);
    }
  }

  close(): void {
    this.#http1.close();
    this.#http2.close();
  }

  #openTls(to: Destination, signal: AbortSignal): Promise<Channel> {
    const key = `${to.poolKey} tls`;
    if (to.version === 'http1') return this.#secure(to, ['http/1.1'], signal).then((stream) => this.#http1.adopt(key, stream));
    const open = async (): Promise<Channel> => {
      const stream = await this.#secure(to, ['h2', 'http/1.1'], signal);
      if (stream.alpnProtocol === 'h2') return this.#http2.adopt(key, stream, 'https');
      this.#unshared.set(key, true);
      return this.#http1.adopt(key, stream);
    };
    return this.#unshared.get(key) === true ? open() : this.#shared(key, to, signal, open);
  }

  /** One connection is opened at a time; those that waited look for room on it first. */
  async #shared(key: string, to: Destination, signal: AbortSignal, open: () => Promise<Channel>): Promise<Channel> {
    for (let opening = this.#opening.get(key); opening !== undefined; opening = this.#opening.get(key)) {
      await opening.catch(() => undefined); // whoever opened it answers for its failure
      signal.throwIfAborted();
      const channel = this.take(to);
      if (channel !== undefined) return channel;
      if (this.#unshared.get(key) === true) return open();
    }
    const opening = open();
    this.#opening.set(key, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(key);
    }
  }

  async #connect(to: Destination, signal: AbortSignal): Promise<Duplex> {
    try {
      const stream = await this.gateway.connect(to.microvmId, to.port, signal);
      if (signal.aborted) stream.destroy();
      signal.throwIfAborted();
      return stream;
    } catch (error) {
      // What listens next on this port may be something else.
      if (!signal.aborted) this.#protocols.forget(to);
      throw error;
    }
  }

  async #secure(to: Destination, protocols: string[], signal: AbortSignal): Promise<Duplex & { alpnProtocol: string | false | null }> {
    const stream = await this.#connect(to, signal);
    return new Promise((resolve, reject) => {
      // The application's certificate proves nothing here: the way to it leads through its own guest alone.
      const socket = tlsConnect({ socket: stream, servername: to.serverName, ALPNProtocols: protocols, rejectUnauthorized: false });
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.off('error', settle).off('close', onClose).off('secureConnect', onSecure);
        if (error === undefined) return resolve(socket);
        socket.on('error', () => socket.destroy());
        socket.destroy();
        stream.destroy();
        if (!signal.aborted) this.#protocols.forget(to);
        reject(error);
      };
      const onAbort = (): void => settle(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      const onClose = (): void => settle(new Error('the application ended the TLS handshake'));
      const onSecure = (): void => settle();
      const timer = setTimeout(() => settle(new Error(`the TLS handshake with the application took more than ${HANDSHAKE_MS} ms`)), HANDSHAKE_MS);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', settle).once('close', onClose).once('secureConnect', onSecure);
    });
  }
}
