/** The sockets guests' queries come to, UDP and TCP, and what one guest may ask of them. */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { TokenBucket } from '../../clock/token-bucket.js';
import { messageOf, OperatorError } from '../../errors/index.js';
import { listenOn } from '../../sockets/listen.js';
import { type Query, udpLimit } from './message.js';
import type { Resolver } from './resolver.js';
import { framed, UDP_BYTES } from './upstream.js';

export interface DnsServerDeps {
  readonly resolver: Resolver;
  /** ms of a clock that nobody sets. */
  readonly steady: () => number;
  readonly complain: (error: string) => void;
}

export interface DnsServer {
  /** Throws OperatorError when the port is taken. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Of one guest. */
export const DNS_LIMITS = { perSecond: 100, burst: 200, underWay: 64, connections: 8 } as const;
/** A query is one name and a few bytes. */
const MAX_QUERY = 1024;
/** ms without a whole query. */
const IDLE_MS = 10_000;
const MAX_TCP = 0xffff;

/** What one guest has used. */
interface Account {
  readonly bucket: TokenBucket;
  underWay: number;
  connections: number;
}

export function createDnsServer({ resolver, steady, complain }: DnsServerDeps): DnsServer {
  const accounts = new Map<string, Account>();
  const sockets = new Set<Socket>();

  function accountOf(host: string): Account {
    const known = accounts.get(host);
    if (known !== undefined) return known;
    const now = steady();
    forget(accounts, now);
    const account = { bucket: new TokenBucket(DNS_LIMITS, now), underWay: 0, connections: 0 };
    accounts.set(host, account);
    return account;
  }

  /** undefined: too many of them, or nothing to say. */
  async function answer(host: string, message: Buffer, most: (query: Query) => number): Promise<Buffer | undefined> {
    const account = accountOf(host);
    if (account.underWay >= DNS_LIMITS.underWay || account.bucket.take(steady()) > 0) return undefined;
    account.underWay += 1;
    try {
      return await resolver.answer(host, message, most);
    } catch (error) {
      complain(messageOf(error));
      return undefined;
    } finally {
      account.underWay -= 1;
    }
  }

  const udp = createSocket('udp4');
  udp.on('message', (message, { address, port }) => {
    if (message.length > MAX_QUERY) return;
    void answer(address, message, (query) => udpLimit(query, UDP_BYTES)).then((reply) => {
      if (reply !== undefined && !closed) udp.send(reply, port, address, (error) => error && complain(messageOf(error)));
    });
  });

  const tcp = createServer((socket) => {
    const host = socket.remoteAddress ?? '';
    const account = accountOf(host);
    if (account.connections >= DNS_LIMITS.connections) {
      socket.destroy();
      return;
    }
    account.connections += 1;
    sockets.add(socket);
    socket.once('close', () => {
      account.connections -= 1;
      sockets.delete(socket);
    });
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy()); // the guest's own affair
    serve(socket, (message) => answer(host, message, () => MAX_TCP));
  });
  let closed = false;

  return {
    async listen(host, wanted) {
      const failure = (error: Error): string => `cannot serve DNS to guests at ${host}:${wanted} (${error.message})`;
      const port = await listenOn(tcp, host, wanted, failure);
      await new Promise<void>((resolve, reject) => {
        const failed = (error: Error): void => reject(new OperatorError(failure(error)));
        udp.once('error', failed);
        udp.bind(port, host, () => {
          udp.off('error', failed);
          resolve();
        });
      });
      tcp.on('error', (error) => complain(messageOf(error)));
      udp.on('error', (error) => complain(messageOf(error)));
      return { port };
    },
    async close() {
      if (closed) return;
      closed = true;
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise<void>((resolve) => udp.close(resolve)), new Promise<void>((resolve) => tcp.close(() => resolve()))]);
    },
  };
}

/** One query after another, each answered before the next is read. */
function serve(socket: Socket, answer: (message: Buffer) => Promise<Buffer | undefined>): void {
  let buffered = Buffer.alloc(0);
  let busy = false;
  const next = (): void => {
    if (busy || buffered.length < 2) return;
    const length = buffered.readUInt16BE(0);
    if (length > MAX_QUERY) {
      socket.destroy();
      return;
    }
    if (buffered.length < 2 + length) return;
    const message = buffered.subarray(2, 2 + length);
    buffered = buffered.subarray(2 + length);
    busy = true;
    socket.pause();
    void answer(message).then((reply) => {
      busy = false;
      if (reply === undefined) {
        socket.destroy();
        return;
      }
      socket.write(framed(reply));
      socket.resume();
      next();
    });
  };
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    next();
  });
}

/** Guests that are gone, or have asked nothing for so long that their account is as new. */
function forget(accounts: Map<string, Account>, now: number): void {
  for (const [host, { bucket, underWay, connections }] of accounts) if (underWay === 0 && connections === 0 && bucket.isFull(now)) accounts.delete(host);
}
