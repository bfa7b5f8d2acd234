/** A real endpoint on 127.0.0.1 with a gateway whose VMs are servers of this process. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { createCertificates } from '../../../src/endpoint/certificates.js';
import { createEndpointServer, type EndpointServerDeps } from '../../../src/endpoint/server.js';
import { makeAuthority, type KeyPair } from '../../../src/endpoint/x509.js';
import { createTokenService, type TokenService } from '../../../src/endpoint/tokens.js';
import { UnreachableError, type MicrovmGateway, type UnreachableReason } from '../../../src/microvms/contracts.js';
import type { MicrovmRecord } from '../../../src/store/contracts.js';

export const LABEL = '0e7a1b52-9c3d-4f6e-8a21-5b7c9d0e1f23';
export const HOST = `${LABEL}.microvm.localhost`;
export const VM = 'microvm-11111111-2222-4333-8444-555555555555';

export const record: MicrovmRecord = {
  id: VM, accountId: '000000000000', endpointLabel: LABEL, state: 'RUNNING', imageArn: 'arn:aws:lambda:us-east-1:000000000000:microvm-image:x',
  imageVersion: '1.0', maximumDurationInSeconds: 28800, ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 0, startedSteady: 0, resumeOnStart: false,
};

export class FakeGateway implements MicrovmGateway {
  record: MicrovmRecord | undefined = record;
  unreachable: UnreachableReason | undefined;
  /** Awaited before connecting. */
  gate: Promise<void> = Promise.resolve();
  /** App port of a request → port of a server here. */
  readonly apps = new Map<number, number>();
  readonly connected: Socket[] = [];
  signals: AbortSignal[] = [];
  connects = 0;
  touches = 0;

  find(label: string): MicrovmRecord | undefined {
    return label === this.record?.endpointLabel ? this.record : undefined;
  }

  async connect(id: string, port: number, signal?: AbortSignal): Promise<Socket> {
    this.connects += 1;
    if (signal !== undefined) this.signals.push(signal);
    await this.gate;
    if (this.unreachable !== undefined) throw new UnreachableError(this.unreachable, `${id} is ${this.unreachable}`);
    const real = this.apps.get(port);
    if (real === undefined) throw new UnreachableError('app-not-listening', `nothing listens on port ${port}`);
    const socket = net.connect(real, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    this.connected.push(socket);
    return socket;
  }

  /** What openSession does. */
  sessions: MicrovmGateway['openSession'] = (id) => Promise.reject(new UnreachableError('vm-unreachable', `${id} has no sessions`));

  openSession(...args: Parameters<MicrovmGateway['openSession']>): ReturnType<MicrovmGateway['openSession']> {
    return this.sessions(...args);
  }

  running = true;

  isRunning(): boolean {
    return this.running;
  }

  touch(): void {
    this.touches += 1;
  }

  answers = 0;

  answered(): void {
    this.answers += 1;
  }
}

/** Header fields: an object over the usual ones, or raw pairs instead of them. */
export type RequestOptions = Omit<https.RequestOptions, 'headers'> & { headers?: readonly string[] | Record<string, string> };

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

export interface Harness {
  readonly gateway: FakeGateway;
  readonly tokens: TokenService;
  readonly token: string;
  /** Of the same keys, MicroVM and ports, but an hour old. */
  readonly expired: string;
  readonly port: number;
  readonly ca: string;
  /** Closes the endpoint; done after the test anyway. */
  close(graceMs?: number): Promise<void>;
  /** Serves an app on a guest port (8080 unless told). */
  app(listener: http.RequestListener, guestPort?: number): Promise<http.Server>;
  /** Serves an app over TLS, self-signed. */
  tlsApp(listener: http.RequestListener, guestPort?: number): Promise<https.Server>;
  /** Serves an app of HTTP/2 alone; `secure`: over TLS, self-signed. The caller listens to its streams. */
  http2App(secure: boolean, guestPort?: number): Promise<http2.Http2Server>;
  /** Serves raw TCP as an app. */
  rawApp(onConnection: (socket: Socket) => void, guestPort?: number): Promise<net.Server>;
  /** A request with the token; more options override. The caller ends it. */
  request(options?: RequestOptions): http.ClientRequest;
  /** Sends a whole request and reads the whole answer. */
  fetch(options?: RequestOptions, body?: string | Buffer): Promise<Answer>;
  /** Raw bytes over TLS; everything the server sends until it closes. */
  raw(bytes: string): Promise<string>;
  tlsConnect(): Promise<tls.TLSSocket>;
}

export const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function scratchDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-endpoint-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export async function start(t: TestContext, more: Pick<EndpointServerDeps, 'limitOf' | 'metrics'> = {}): Promise<Harness> {
  const dataDir = await scratchDir(t);
  const clock = { now: Date.now };
  const gateway = new FakeGateway();
  const certificates = await createCertificates({ config: { dataDir, domain: 'localhost' }, log: quiet, clock });
  const tokens = await createTokenService({ dataDir, clock });
  const server = createEndpointServer({ config: { endpointHost: '127.0.0.1', endpointPort: 0, domain: 'localhost' }, certificates, tokens, gateway, log: quiet, ...more });
  const { port } = await server.listen();
  let closed: Promise<void> | undefined;
  const close = (graceMs?: number): Promise<void> => (closed ??= server.close(graceMs));
  t.after(async () => {
    certificates.close();
    await close();
  });
  const ca = await readFile(certificates.caFile ?? '', 'utf8');
  const anHourAgo = await createTokenService({ dataDir, clock: { now: () => Date.now() - 3_600_000 } });
  const expired = await anHourAgo.issueAppToken({ microvmId: VM, allowedPorts: [{ allPorts: {} }], expiresInMinutes: 59 });
  const token = await tokens.issueAppToken({ microvmId: VM, allowedPorts: [{ allPorts: {} }], expiresInMinutes: 5 });

  const listen = async (server: net.Server, guestPort: number): Promise<void> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    gateway.apps.set(guestPort, (server.address() as AddressInfo).port);
    t.after(() => {
      if (server instanceof http.Server || server instanceof https.Server) server.closeAllConnections();
      server.close();
    });
  };

  const harness: Harness = {
    gateway, tokens, token, expired, port, ca, close,
    async app(listener, guestPort = 8080) {
      const server = http.createServer(listener);
      await listen(server, guestPort);
      return server;
    },
    async tlsApp(listener, guestPort = 8080) {
      const server = https.createServer(await selfSigned(), listener);
      await listen(server, guestPort);
      return server;
    },
    async http2App(secure, guestPort = 8080) {
      const server = secure ? http2.createSecureServer(await selfSigned()) : http2.createServer();
      const sessions = new Set<http2.ServerHttp2Session>();
      server.on('session', (session: http2.ServerHttp2Session) => sessions.add(session));
      await listen(server, guestPort);
      t.after(() => sessions.forEach((session) => session.destroy()));
      return server;
    },
    async rawApp(onConnection, guestPort = 8080) {
      const sockets = new Set<Socket>();
      const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        onConnection(socket);
      });
      t.after(() => sockets.forEach((socket) => socket.destroy()));
      await listen(server, guestPort);
      return server;
    },
    request: ({ headers, ...options } = {}) =>
      https.request({
        host: '127.0.0.1', port, servername: HOST, ca, agent: false,
        headers: isRaw(headers) ? [...headers] : { host: `${HOST}:${port}`, 'x-aws-proxy-auth': token, ...headers },
        ...options,
      }),
    fetch: (options, body) => read(harness.request(options), body),
    async raw(bytes) {
      const socket = await harness.tlsConnect();
      socket.write(bytes, 'latin1');
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      await new Promise((resolve) => socket.once('close', resolve).on('error', () => socket.destroy()));
      return text;
    },
    tlsConnect: () =>
      new Promise((resolve, reject) => {
        const socket = tls.connect({ host: '127.0.0.1', port, servername: HOST, ca }, () => resolve(socket));
        socket.once('error', reject);
      }),
  };
  return harness;
}

function selfSigned(): Promise<KeyPair> {
  return makeAuthority('self-signed', { from: Date.now() - 3_600_000, to: Date.now() + 3_600_000 });
}

function isRaw(headers: RequestOptions['headers']): headers is readonly string[] {
  return Array.isArray(headers);
}

export function read(req: http.ClientRequest, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    req.once('error', reject);
    req.once('response', (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.once('error', reject);
      res.once('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, rawHeaders: res.rawHeaders, body: Buffer.concat(chunks).toString(), trailers: res.trailers }),
      );
    });
    req.end(body);
  });
}

/** A promise with its handles outside. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
