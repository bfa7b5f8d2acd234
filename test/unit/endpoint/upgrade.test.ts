import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import test from 'node:test';
import { connect } from 'node:tls';
import { deferred, HOST, read, start, type Harness } from './harness.js';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n';

/** An app that accepts every upgrade and echoes; its answer's further fields are given. */
async function echoApp(h: Harness, fields = '', onRequest: (req: IncomingMessage) => void = () => undefined): Promise<void> {
  const app = await h.app((_req, res) => res.writeHead(426, 'No', { 'x-app': '1' }).end('plain'));
  app.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    onRequest(req);
    socket.on('error', () => socket.destroy());
    socket.write(`${SWITCH}${fields}\r\nhello `);
    socket.write(head);
    socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('end', () => socket.end('bye'));
  });
}

const ask = (extra: string): string => `GET /ws HTTP/1.1\r\nHost: ${HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n${extra}\r\n`;

/** Sends the bytes, half-closes, reads all. */
async function exchange(h: Harness, bytes: string): Promise<string> {
  const socket = await h.tlsConnect();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.endsWith('ping')) socket.end();
  });
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

test('a WebSocket passes with its token in a header, bytes untouched both ways', async (t) => {
  const h = await start(t);
  let seen: IncomingMessage | undefined;
  await echoApp(h, '', (req) => (seen = req));
  const text = await exchange(h, `${ask(`X-aws-proxy-auth: ${h.token}\r\nSec-WebSocket-Protocol: chat\r\n`)}ping`);
  assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(text, /\r\nSec-WebSocket-Accept: abc\r\n/);
  assert.match(text, /\r\n\r\nhello ping/);
  assert.ok(seen);
  assert.deepEqual([seen.headers.upgrade, seen.headers.connection, seen.headers['sec-websocket-protocol'], seen.headers['x-aws-proxy-auth'], seen.url], ['websocket', 'Upgrade', 'chat', undefined, '/ws']);
  assert.ok(h.gateway.touches >= 2);
});

test('subprotocols carry token and port, and the app sees only the others', async (t) => {
  const h = await start(t);
  let protocols: string | undefined = 'unset';
  await echoApp(h, '', (req) => (protocols = req.headers['sec-websocket-protocol']));
  h.gateway.apps.set(7000, h.gateway.apps.get(8080) ?? 0);
  h.gateway.apps.delete(8080);
  const controls = `lambda-microvms.authentication.${h.token}, lambda-microvms.port.7000`;
  const marked = await exchange(h, `${ask(`Sec-WebSocket-Protocol: ${controls}, lambda-microvms\r\n`)}ping`);
  assert.match(marked, /^HTTP\/1\.1 101 /);
  assert.match(marked, /\r\nSec-WebSocket-Protocol: lambda-microvms\r\n/);
  assert.equal(protocols, undefined);
  await exchange(h, `${ask(`Sec-WebSocket-Protocol: graphql-ws, lambda-microvms, ${controls}\r\nSec-WebSocket-Protocol: json\r\n`)}ping`);
  assert.equal(protocols, 'graphql-ws, json');
  assert.match(await exchange(h, ask(`Sec-WebSocket-Protocol: ${controls}\r\n`)), /^HTTP\/1\.1 403 [^]*Request missing authentication$/, 'without the marker');
  assert.match(await exchange(h, ask(`Sec-WebSocket-Protocol: lambda-microvms, lambda-microvms.authentication.${h.token}, lambda-microvms.port.x\r\n`)), /^HTTP\/1\.1 400 /);
});

test('the app\'s own choice of subprotocol is passed on', async (t) => {
  const h = await start(t);
  await echoApp(h, 'Sec-WebSocket-Protocol: json\r\n');
  const text = await exchange(h, `${ask(`Sec-WebSocket-Protocol: lambda-microvms, lambda-microvms.authentication.${h.token}, json\r\n`)}ping`);
  assert.deepEqual(text.match(/Sec-WebSocket-Protocol: .*/g), ['Sec-WebSocket-Protocol: json']);
});

test('refusals and other answers of the app end the connection cleanly', async (t) => {
  const h = await start(t);
  assert.match(await exchange(h, ask('')), /^HTTP\/1\.1 403 [^]*x-aws-proxy-error: UNAUTHORIZED[^]*Request missing authentication$/);
  assert.match(await exchange(h, ask(`X-aws-proxy-auth: ${h.token}\r\n`)), /^HTTP\/1\.1 502 [^]*x-aws-proxy-error: APP_CONNECT_FAILED/);
  await h.rawApp((socket) => socket.once('data', () => socket.write('HTTP/1.1 426 No\r\nX-App: 1\r\nContent-Length: 5\r\n\r\nplain')));
  const text = await exchange(h, ask(`X-aws-proxy-auth: ${h.token}\r\n`));
  assert.match(text, /^HTTP\/1\.1 426 No\r\nX-App: 1\r\n[^]*onnection: close\r\n[^]*plain$/);
});

test('each side\'s end reaches the other', async (t) => {
  const h = await start(t);
  const appSide = deferred<Duplex>();
  const app = await h.app((_req, res) => res.end());
  app.on('upgrade', (_req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy()).on('end', () => socket.end());
    socket.write(`${SWITCH}\r\n`);
    appSide.resolve(socket);
  });
  const open = async (): Promise<Duplex> => {
    const client = await h.tlsConnect();
    client.on('error', () => client.destroy());
    client.write(ask(`X-aws-proxy-auth: ${h.token}\r\n`));
    await once(client, 'data');
    return client;
  };
  const client = await open();
  const socket = await appSide.promise;
  const appClosed = once(socket.resume(), 'close');
  client.destroy();
  await appClosed;

  const second = deferred<Duplex>();
  app.removeAllListeners('upgrade').on('upgrade', (_req: IncomingMessage, raw: Duplex) => {
    raw.write(`${SWITCH}\r\n`);
    second.resolve(raw);
  });
  const other = await open();
  const clientClosed = once(other.resume(), 'close');
  (await second.promise).destroy();
  await clientClosed;
});

test('what the app says after the client ended its side still arrives', async (t) => {
  const h = await start(t);
  await echoApp(h);
  const socket = connect({ host: '127.0.0.1', port: h.port, servername: HOST, ca: h.ca });
  socket.allowHalfOpen = true;
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.write(ask(`X-aws-proxy-auth: ${h.token}\r\n`));
  await once(socket, 'data');
  socket.end('ping');
  await once(socket, 'end');
  assert.match(text, /hello pingbye$/);
});

test('closing the server ends joined connections, half-made ones and waiting requests', async (t) => {
  const h = await start(t);
  await echoApp(h);
  const client = await h.tlsConnect();
  client.on('error', () => client.destroy());
  client.write(ask(`X-aws-proxy-auth: ${h.token}\r\n`));
  await once(client, 'data');
  h.gateway.gate = new Promise(() => undefined);
  const waiting = assert.rejects(read(h.request()));
  while (h.gateway.connects < 2) await new Promise(setImmediate);
  const closed = once(client.resume(), 'close');
  await h.close();
  await closed;
  await waiting;
});

test('a 101 with a field that cannot be sent on is a failed application, and the endpoint serves on', async (t) => {
  const h = await start(t);
  await h.rawApp((socket) => socket.on('data', (bytes: Buffer) => socket.write(bytes[0] === 0x16 ? 'no TLS here' : `${SWITCH}Trailer: X-Sum\r\n\r\nhello`)));
  const socket = await h.tlsConnect();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(ask(`X-aws-proxy-auth: ${h.token}\r\n`));
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1\.1 502 [^]*x-aws-proxy-error: APP_CONNECT_FAILED/);
  assert.equal((await h.fetch({ headers: { 'x-aws-proxy-port': '1' } })).status, 502);
});
