/** A metadata server on loopback, whose guests are told apart by addresses of 127.0.0.0/8. */
import { randomBytes } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { MetadataServer, MetadataSubject, RoleCredentialSource } from '../../../src/metadata/contracts.js';
import { createMetadataServer } from '../../../src/metadata/server.js';
import { createSourceLimits, type SourceLimitsOptions } from '../../../src/metadata/source-limits.js';
import { createSessionTokens } from '../../../src/metadata/tokens.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface MetadataWorld {
  readonly port: number;
  readonly url: string;
  /** By source address. */
  readonly guests: Map<string, MetadataSubject>;
  readonly log: () => string;
  clockOffsetMs: number;
  send(method: string, path: string, headers?: Readonly<Record<string, string>>, from?: string): Promise<Answer>;
  /** A session token for that guest. */
  token(from?: string): Promise<string>;
  get(path: string, from?: string): Promise<Answer>;
  close(): Promise<void>;
}

export interface MetadataWorldOptions {
  readonly credentials: RoleCredentialSource;
  readonly limits?: Partial<SourceLimitsOptions>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly headersTimeout?: number;
}

export async function startMetadata({ credentials, limits = {}, tags = {}, headersTimeout }: MetadataWorldOptions): Promise<MetadataWorld> {
  const guests = new Map<string, MetadataSubject>();
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  }));
  const now = () => Date.now() + world.clockOffsetMs;
  const server: MetadataServer = createMetadataServer({
    guests: { at: (address) => guests.get(address) },
    credentials, now, log,
    region: 'us-east-1',
    zoneId: 'use1-az1',
    tokens: createSessionTokens(randomBytes(32), now),
    steady: now,
    tagsOf: () => tags,
    limits: createSourceLimits({ connections: 16, perSecond: 1_000, burst: 1_000, steady: () => Date.now(), ...limits }),
    ...(headersTimeout === undefined ? {} : { headersTimeout }),
  });
  const world: MetadataWorld = {
    port: 0,
    url: '',
    guests,
    log: () => lines.join(''),
    clockOffsetMs: 0,
    send: (method, path, headers = {}, localAddress = '127.0.0.1') =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port: world.port, method, path, headers, localAddress, agent: false }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('error', reject);
          response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        });
        outgoing.once('error', reject);
        outgoing.end();
      }),
    token: async (from) => (await world.send('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }, from)).text,
    get: async (path, from) => world.send('GET', path, { 'x-aws-ec2-metadata-token': await world.token(from) }, from),
    close: () => server.close(),
  };
  const { port } = await server.listen('127.0.0.1', 0);
  return Object.assign(world, { port, url: `http://127.0.0.1:${port}` });
}
