/** A nameserver on 127.0.0.1 that knows a few names with their IPv4 addresses, over UDP and TCP. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { parseQuery, RCODE, TYPE, writeEmpty } from '../../../src/network/dns/message.js';
import { framed, type Server } from '../../../src/network/dns/upstream.js';

export interface Nameserver extends Server {
  /** Names asked for. */
  readonly asked: string[];
  close(): Promise<void>;
}

export interface NameserverOptions {
  /** Answers over UDP say only that they do not fit. */
  readonly truncate?: boolean;
  readonly ttl?: number;
}

export async function startNameserver(addresses: Readonly<Record<string, string>>, { truncate = false, ttl = 300 }: NameserverOptions = {}): Promise<Nameserver> {
  const asked: string[] = [];
  const answer = (message: Buffer): Buffer => {
    const query = parseQuery(message);
    asked.push(query.name);
    const address = addresses[query.name];
    if (address === undefined) return writeEmpty(query, RCODE.nxDomain);
    if (query.type !== TYPE.A) return writeEmpty(query, RCODE.noError);
    const head = writeEmpty(query, RCODE.noError);
    head.writeUInt16BE(1, 6);
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(TYPE.A, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(4, 10);
    Buffer.from(address.split('.').map(Number)).copy(record, 12);
    return Buffer.concat([head, record]);
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => socket.end(framed(answer(data.subarray(2)))));
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => udp.send(truncate ? writeEmpty(parseQuery(message), RCODE.noError, true) : answer(message), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  return {
    address: '127.0.0.1', port, asked,
    close: async () => {
      await Promise.all([new Promise((resolve) => tcp.close(resolve)), new Promise<void>((resolve) => udp.close(resolve))]);
    },
  };
}
