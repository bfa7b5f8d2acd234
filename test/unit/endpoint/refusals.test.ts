import assert from 'node:assert/strict';
import test from 'node:test';
import { HOST, LABEL, record, start, VM, type Answer } from './harness.js';

function assertRefused(answer: Answer, status: number, body: string, error: string | undefined): void {
  assert.deepEqual([answer.status, answer.body, answer.headers['x-aws-proxy-error']], [status, body, error]);
  if (body !== '') assert.equal(answer.headers['content-type'], 'text/plain');
}

test('a request without a token or with garbage is refused before anything connects', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  for (const headers of [{ host: HOST }, { host: HOST, 'x-aws-proxy-auth': '' }, { host: HOST, 'x-aws-proxy-auth': 'garbage' }, { host: HOST, 'x-aws-proxy-auth': h.token.slice(0, -3) + 'AAA' }]) {
    assertRefused(await h.fetch({ headers: Object.entries(headers).flat() }), 403, 'Request missing authentication', 'UNAUTHORIZED');
  }
  assertRefused(await h.fetch({ headers: ['host', HOST, 'x-aws-proxy-auth', h.token, 'x-aws-proxy-auth', h.token] }), 403, 'Request missing authentication', 'UNAUTHORIZED');
  assert.equal(h.gateway.connects, 0);
  assert.equal(h.gateway.touches, 0);
});

test('a token of another MicroVM, an expired one and an unknown host are refused alike', async (t) => {
  const h = await start(t);
  const other = await h.tokens.issueAppToken({ microvmId: 'microvm-other', allowedPorts: [{ allPorts: {} }], expiresInMinutes: 5 });
  assertRefused(await h.fetch({ headers: { 'x-aws-proxy-auth': other } }), 403, 'Token authentication failed', 'UNAUTHORIZED');
  assertRefused(await h.fetch({ headers: { 'x-aws-proxy-auth': h.expired } }), 403, 'Token authentication failed', 'UNAUTHORIZED');
  const bare = { servername: '', checkServerIdentity: () => undefined };
  const hosts = ['localhost', 'x.microvm.localhost', `a.${HOST}`, '.microvm.localhost', `${LABEL}.microvm.localhost.evil`, `${LABEL}.microvm.other`];
  for (const host of hosts) assertRefused(await h.fetch({ ...bare, headers: { host } }), 403, 'Token authentication failed', 'UNAUTHORIZED');
  assert.equal(h.gateway.connects, 0);
});

test('a shell token opens no port of the application, and wakes nothing', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  const shell = await h.tokens.issueShellToken({ microvmId: VM, expiresInMinutes: 5 });
  const send = (headers: Record<string, string>): Promise<Answer> => h.fetch({ headers: { 'x-aws-proxy-auth': shell, ...headers } });
  assertRefused(await send({}), 502, '', undefined);
  assertRefused(await send({ 'x-aws-proxy-port': '8022' }), 502, '', undefined);
  assertRefused(await send({ 'x-aws-proxy-port': '8080' }), 403, 'Access to port denied', 'UNAUTHORIZED');
  assertRefused(await send({ 'x-aws-proxy-port': 'x' }), 400, '', undefined);
  assert.equal(h.gateway.connects, 0);
});

test('Host and TLS server name must agree; without a server name Host alone counts', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  assertRefused(await h.fetch({ servername: 'other.microvm.localhost' }), 403, 'Token authentication failed', 'UNAUTHORIZED');
  // The certificate is checked against a name of our choice here: it is the server name on the wire that is left out.
  const bare = { servername: '', checkServerIdentity: () => undefined };
  assert.equal((await h.fetch(bare)).body, 'reached');
  assert.equal((await h.fetch({ headers: { host: HOST.toUpperCase() } })).body, 'reached');
});

test('ports: default 8080, header, ranges, refusal, malformed', async (t) => {
  const h = await start(t);
  for (const port of [8080, 80, 3005]) await h.app((_req, res) => res.end(String(port)), port);
  const token = await h.tokens.issueAppToken({ microvmId: VM, allowedPorts: [{ port: 8080 }, { range: { startPort: 3000, endPort: 3010 } }], expiresInMinutes: 5 });
  const get = (port?: string): Promise<Answer> => h.fetch({ headers: { 'x-aws-proxy-auth': token, ...(port === undefined ? {} : { 'x-aws-proxy-port': port }) } });
  assert.equal((await get()).body, '8080');
  assert.equal((await get('3005')).body, '3005');
  for (const port of ['80', '2999', '3011', '65535']) assertRefused(await get(port), 403, 'Access to port denied', 'UNAUTHORIZED');
  const before = h.gateway.connects;
  for (const port of ['', '0', '65536', '-1', '80a', '0x50', '99999999', '3005, 3005']) assertRefused(await get(port), 400, '', undefined);
  assert.equal(h.gateway.connects, before);
});

test('each reason why an application cannot be reached has its answer', async (t) => {
  const h = await start(t);
  const table = [
    ['terminated', 'MICROVM_CONNECT_FAILED'], ['suspended', 'MICROVM_CONNECT_FAILED'], ['resume-failed', 'MICROVM_CONNECT_FAILED'],
    ['vm-unreachable', 'MICROVM_CONNECT_FAILED'], ['app-not-listening', 'APP_CONNECT_FAILED'],
  ] as const;
  for (const [reason, error] of table) {
    h.gateway.unreachable = reason;
    assertRefused(await h.fetch(), 502, '', error);
    assertRefused(await h.fetch({ method: 'POST' }, 'body that nobody takes'), 502, '', error);
  }
});

test('a VM whose record is gone is an unknown host', async (t) => {
  const h = await start(t);
  h.gateway.record = undefined;
  assertRefused(await h.fetch(), 403, 'Token authentication failed', 'UNAUTHORIZED');
  h.gateway.record = record;
  assertRefused(await h.fetch(), 502, '', 'APP_CONNECT_FAILED');
});

test('an app that breaks the protocol or hangs up is a failed app', async (t) => {
  const h = await start(t);
  const answers = ['', 'not http at all\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'];
  for (const [index, bytes] of answers.entries()) {
    await h.rawApp((socket) => socket.once('data', () => socket.end(bytes)), 9000 + index);
    assertRefused(await h.fetch({ headers: { 'x-aws-proxy-port': String(9000 + index) } }), 502, '', 'APP_CONNECT_FAILED');
  }
});

test('a refused upload leaves the connection in order', async (t) => {
  const h = await start(t);
  const socket = await h.tlsConnect();
  const ask = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello`;
  socket.write(ask + ask);
  let text = '';
  await new Promise<void>((resolve) => socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split('HTTP/1.1 403').length === 3) resolve();
  }));
  assert.equal(text.split('Request missing authentication').length, 3);
  socket.destroy();
});
