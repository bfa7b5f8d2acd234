/** Runs in the guest, bundled: one server for each protocol the endpoint speaks to applications. Ports: ports.ts. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createSecureServer, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { Server as GrpcServer, ServerCredentials, status, Metadata } from '@grpc/grpc-js';
import { WebSocketServer, type WebSocket } from 'ws';
import { makeAuthority } from '../../../../src/endpoint/x509.js';
import { echoService } from './grpc.js';
import { PORTS } from './ports.js';

const CHUNK = Buffer.alloc(64 * 1024, 'tardigrade ');

/** How often each lifecycle hook was called. */
const hooks = new Map<string, number>();

const routes: Readonly<Record<string, RequestListener>> = {
  '/echo': (req, res) => void req.pipe(res),
  '/request': (req, res) => void res.end(JSON.stringify({ method: req.method, headers: req.headers, version: req.httpVersion })),
  '/length': (req, res) => {
    let length = 0;
    req.on('data', (chunk: Buffer) => (length += chunk.length)).once('end', () => res.end(String(length)));
  },
  '/trailers': (req, res) => void req.resume().once('end', () => {
    res.writeHead(200, { trailer: 'x-sum' });
    res.write('body');
    res.addTrailers({ 'x-sum': req.trailers['x-sum'] ?? 'none' });
    res.end();
  }),
  '/clock': (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    let tick = 0;
    const timer = setInterval(() => res.write(`data: ${tick++}\n\n`), 100);
    res.once('close', () => clearInterval(timer));
  },
  '/break': (_req, res) => {
    res.writeHead(200, { 'content-length': '100' });
    res.write('part', () => res.destroy());
  },
  '/hooks': (_req, res) => void res.end(JSON.stringify(Object.fromEntries(hooks))),
};

/** `?bytes=`: so many bytes. */
function bytes(req: IncomingMessage, res: ServerResponse): void {
  let left = Number(new URL(req.url ?? '', 'http://x').searchParams.get('bytes'));
  res.writeHead(200, { 'content-length': String(left) });
  const write = (): void => {
    while (left > 0) {
      const part = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= part.length;
      if (!res.write(part)) return void res.once('drain', write);
    }
    res.end();
  };
  write();
}

const onRequest: RequestListener = (req, res) => {
  const path = (req.url ?? '').split('?')[0] ?? '';
  if (path === '/bytes') return bytes(req, res);
  const route = routes[path];
  if (route === undefined) return void res.writeHead(404).end();
  route(req, res);
};

function onStream(stream: ServerHttp2Stream, headers: Record<string, unknown>): void {
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'x-scheme': String(headers[':scheme']), 'x-version': '2' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
  stream.pipe(stream);
}

function onSocket(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

const pair = await makeAuthority('self-signed', { from: Date.now() - 86_400_000, to: Date.now() + 86_400_000 });
const http = createServer(onRequest);
const sockets = createServer((_req, res) => void res.writeHead(426).end());
const https = createHttpsServer(pair, onRequest);
const plainHttp2 = createHttp2Server();
const secureHttp2 = createSecureServer(pair);
plainHttp2.on('stream', onStream);
secureHttp2.on('stream', onStream);
for (const server of [sockets, https]) {
  const chosen = (offered: Set<string>): string | false => (offered.has('chat') ? 'chat' : false);
  new WebSocketServer({ server, perMessageDeflate: true, handleProtocols: chosen }).on('connection', onSocket);
}

const grpc = new GrpcServer();
grpc.addService(echoService, {
  unary: (call: { request: Buffer; metadata: Metadata }, done: (error: object | null, answer?: Buffer, trailer?: Metadata) => void) => {
    if (call.request.toString() === 'fail') return done({ code: status.FAILED_PRECONDITION, details: 'asked to fail' });
    const trailer = new Metadata();
    trailer.set('x-from', String(call.metadata.get('x-from')[0] ?? ''));
    done(null, call.request, trailer);
  },
  serverStream: (call: { request: Buffer; write(chunk: Buffer): void; end(): void }) => {
    for (let i = 0; i < 5; i += 1) call.write(Buffer.from(`${call.request.toString()} ${i}`));
    call.end();
  },
  clientStream: (call: NodeJS.ReadableStream, done: (error: null, answer: Buffer) => void) => {
    const parts: string[] = [];
    call.on('data', (part: Buffer) => parts.push(part.toString())).once('end', () => done(null, Buffer.from(parts.join(' '))));
  },
  bidi: (call: NodeJS.ReadWriteStream) => {
    call.on('data', (part: Buffer) => call.write(part)).once('end', () => call.end());
  },
});

const listen = (server: NetServer, port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
await listen(http, PORTS.http);
await listen(sockets, PORTS.webSocket);
await listen(https, PORTS.https);
await listen(plainHttp2, PORTS.http2);
await listen(secureHttp2, PORTS.http2Tls);
await new Promise<void>((resolve, reject) => grpc.bindAsync(`127.0.0.1:${PORTS.grpc}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))));

// Ready when everything listens, Flask too. The snapshot is taken after it.
createServer((req, res) => {
  const hook = (req.url ?? '').split('/').at(-1) ?? '';
  hooks.set(hook, (hooks.get(hook) ?? 0) + 1);
  if (hook !== 'ready') return void res.end();
  fetch(`http://127.0.0.1:${PORTS.flask}/echo`).then((answer) => res.writeHead(answer.status).end(), () => res.writeHead(503).end());
}).listen(PORTS.hooks);
