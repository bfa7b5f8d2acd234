/** Asks the host's own resolvers: over UDP, and over TCP what does not fit. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import { messageOf } from '../../errors/index.js';
import { MalformedMessage, parseReply, type Query, type Reply, writeQuery } from './message.js';

export interface Server {
  readonly address: string;
  readonly port: number;
}

export interface Upstream {
  /** Rejects when no server answers. */
  ask(query: Query): Promise<{ readonly message: Buffer; readonly reply: Reply }>;
}

/** ms per server. */
const PATIENCE_MS = 2000;
/** Fits into any packet (DNS flag day 2020). */
export const UDP_BYTES = 1232;
const RESOLV_CONF = '/etc/resolv.conf';
/** Files change with the network the host is in. */
const READ_AGAIN_MS = 10_000;

/** Asks the servers in turn until one answers. */
export function createUpstream(servers: () => Promise<readonly Server[]>): Upstream {
  return {
    async ask(query) {
      const failures: string[] = [];
      for (const server of await servers()) {
        try {
          const over = await askUdp(server, query);
          return over.reply.truncated ? await askTcp(server, query) : over;
        } catch (error) {
          failures.push(`${server.address}: ${messageOf(error)}`);
        }
      }
      throw new Error(failures.length === 0 ? `no nameserver in ${RESOLV_CONF}` : failures.join('; '));
    },
  };
}

/** At most three, as the C library has it. `steady`: ms of a clock that nobody sets. */
export function hostServers(steady: () => number, path = RESOLV_CONF): () => Promise<readonly Server[]> {
  let read: { readonly at: number; readonly servers: Promise<readonly Server[]> } | undefined;
  return () => {
    if (read === undefined || steady() - read.at > READ_AGAIN_MS) read = { at: steady(), servers: readFile(path, 'utf8').then(serversIn) };
    return read.servers;
  };
}

export function serversIn(resolvConf: string): Server[] {
  const addresses = [...resolvConf.matchAll(/^[ \t]*nameserver[ \t]+([^\s#;]+)/gm)].map((match) => match[1] ?? '');
  return addresses.filter((address) => familyOf(address) !== 0).slice(0, 3).map((address) => ({ address, port: 53 }));
}

/** 4, 6, or 0: no address. One of link-local scope names its interface after a %. */
function familyOf(address: string): number {
  return isIP(address.replace(/%.*$/, ''));
}

/** A new socket, hence a new port, for each query: whoever would forge an answer must guess port and id. */
function askUdp(server: Server, query: Query): Promise<{ message: Buffer; reply: Reply }> {
  const id = randomInt(0x10000);
  return new Promise((resolve, reject) => {
    const socket = createSocket(familyOf(server.address) === 6 ? 'udp6' : 'udp4');
    let done = false;
    const end = (settle: () => void): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.close();
      settle();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const timer = setTimeout(() => fail(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    socket.on('error', fail);
    socket.on('message', (message) => {
      try {
        const reply = parseReply(message, id, query.question);
        end(() => resolve({ message, reply }));
      } catch (error) {
        if (!(error instanceof MalformedMessage)) fail(error as Error); // else: not the answer we wait for
      }
    });
    // Connected: the kernel passes on what this server sent alone.
    // With the error, should there be no way to it, which the types do not say.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error !== undefined) fail(error);
      else if (!done) socket.send(writeQuery(id, query.question, query.edns, UDP_BYTES), (failed) => failed !== null && fail(failed));
    });
  });
}

function askTcp(server: Server, query: Query): Promise<{ message: Buffer; reply: Reply }> {
  const id = randomInt(0x10000);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = connect({ host: server.address, port: server.port });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer over TCP within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    socket.once('connect', () => socket.write(framed(writeQuery(id, query.question, query.edns, UDP_BYTES))));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < 2) return;
      const all = Buffer.concat(chunks);
      const length = all.readUInt16BE(0);
      if (all.length < 2 + length) return;
      const message = all.subarray(2, 2 + length);
      try {
        resolve({ message, reply: parseReply(message, id, query.question) });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('ended before its answer')); // settled already: nothing happens
    });
  });
}

/** As messages go over TCP: after their length. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
