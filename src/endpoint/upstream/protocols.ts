/**
 * What applications speak on their ports: TLS or not. Asked once for each MicroVM and port, however many requests
 * wait for the answer, and forgotten when the application turns out to speak something else.
 */
import type { Duplex } from 'node:stream';
import { LruMap } from '../../collections/lru-map.js';
import { answersClientHello } from './client-hello.js';

export interface Place {
  readonly microvmId: string;
  readonly port: number;
}

export type Connect = (place: Place, signal: AbortSignal) => Promise<Duplex>;

interface Asking {
  readonly answer: Promise<boolean>;
  readonly controller: AbortController;
  waiting: number;
}

/** An application that takes longer to answer a ClientHello is taken for one that speaks no TLS. */
const ANSWER_MS = 3000;
const REMEMBERED = 16_384;

export class Protocols {
  readonly #known = new LruMap<string, boolean>(REMEMBERED);
  readonly #asking = new Map<string, Asking>();

  constructor(private readonly connect: Connect) {}

  /** What is known without asking. */
  known({ microvmId, port }: Place): boolean | undefined {
    return this.#known.get(`${microvmId}:${port}`);
  }

  /** Rejects as connecting does, or with the signal's reason; the asking ends when nobody waits for it any more. */
  async speaksTls(place: Place, serverName: string, signal: AbortSignal): Promise<boolean> {
    const key = `${place.microvmId}:${place.port}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    signal.throwIfAborted();
    let asking = this.#asking.get(key);
    if (asking === undefined) this.#asking.set(key, (asking = this.#ask(key, place, serverName)));
    return join(asking, signal, () => this.#asking.delete(key));
  }

  /** The application did not behave as what is known of it says. */
  forget({ microvmId, port }: Place): void {
    this.#known.delete(`${microvmId}:${port}`);
  }

  #ask(key: string, place: Place, serverName: string): Asking {
    const controller = new AbortController();
    const ask = async (): Promise<boolean> => {
      const stream = await this.connect(place, controller.signal);
      const tls = await answersClientHello(stream, serverName, ANSWER_MS);
      this.#known.set(key, tls);
      return tls;
    };
    const asking: Asking = { answer: ask(), controller, waiting: 0 };
    const done = (): void => {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    };
    asking.answer.then(done, done); // each that waits has a failure from its own promise
    return asking;
  }
}

/** `abandoned`: called when the last one left, so that nobody joins an asking that is being ended. */
function join(asking: Asking, signal: AbortSignal, abandoned: () => void): Promise<boolean> {
  asking.waiting += 1;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      asking.waiting -= 1;
      if (asking.waiting === 0) {
        abandoned();
        asking.controller.abort(signal.reason);
      }
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal.addEventListener('abort', leave, { once: true });
    asking.answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
