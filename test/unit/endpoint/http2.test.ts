import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import http2, { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import test, { type TestContext } from 'node:test';
import { deferred, HOST, LABEL, start, type Harness } from './harness.js';

function connect(t: TestContext, h: Harness): ClientHttp2Session {
  const session = http2.connect(`https://127.0.0.1:${h.port}`, { ca: h.ca, servername: HOST });
  t.after(() => session.destroy());
  return session;
}

/** A request with the token; more fields override. */
function open(session: ClientHttp2Session, h: Harness, fields: OutgoingHttpHeaders = {}, options?: http2.ClientSessionRequestOptions): ClientHttp2Stream {
  return session.request({ ':authority': HOST, 'x-aws-proxy-auth': h.token, ...fields }, options);
}

/** Without it node ends a stream in good order before it resets it, and the other side sees a whole message. */
const RESETTABLE = { waitForTrailers: true };

interface Answer {
  readonly headers: IncomingHttpHeaders & { ':status'?: number };
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function read(stream: ClientHttp2Stream): Promise<Answer> {
  let trailers: IncomingHttpHeaders | undefined;
  stream.once('trailers', (fields: IncomingHttpHeaders) => (trailers = fields));
  const [headers] = (await once(stream, 'response')) as [Answer['headers']];
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { headers, body: Buffer.concat(chunks).toString(), trailers };
}

test('an HTTP/2 request reaches an HTTP/1.1 application as one of HTTP/1.1', async (t) => {
  const h = await start(t);
  let seen: string[] = [];
  await h.app((req, res) => {
    seen = req.rawHeaders;
    res.writeHead(201, { 'X-Two': 'x', 'set-cookie': ['a=1', 'b=2'], connection: 'keep-alive', 'keep-alive': 'timeout=5' });
    res.end(`${req.method ?? ''} ${req.url ?? ''}`);
  });
  const session = connect(t, h);
  const answer = await read(open(session, h, { ':path': '/a?b=c', cookie: ['x=1', 'y=2'], 'x-aws-proxy-other': '1', te: 'trailers' }));
  assert.equal(session.alpnProtocol, 'h2');
  assert.deepEqual([answer.headers[':status'], answer.body, answer.headers['x-two'], answer.headers['set-cookie']], [201, 'GET /a?b=c', 'x', ['a=1', 'b=2']]);
  assert.equal(answer.headers['connection'], undefined);
  assert.deepEqual(seen.slice(0, 4), ['Host', HOST, 'cookie', 'x=1; y=2']);
  assert.ok(!seen.some((name) => name.startsWith(':') || name.toLowerCase().startsWith('x-aws-proxy')));
  assert.deepEqual(seen.slice(-4), ['te', 'trailers', 'connection', 'TE']);
});

test('bodies and trailers of HTTP/2 pass to an HTTP/1.1 application and back', async (t) => {
  const h = await start(t);
  let framing: (string | undefined)[] = [];
  let trailers: NodeJS.Dict<string> = {};
  await h.app((req, res) => {
    framing = [req.headers['content-length'], req.headers['transfer-encoding']];
    res.writeHead(200, { trailer: 'x-sum' });
    req.on('data', (chunk: Buffer) => res.write(chunk));
    req.once('end', () => {
      trailers = req.trailers;
      res.addTrailers({ 'X-Sum': '42' });
      res.end();
    });
  });
  const session = connect(t, h);
  const stream = open(session, h, { ':method': 'POST' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'x-req': '7', 'x-aws-proxy-port': '1' }));
  stream.end('hello');
  const answer = await read(stream);
  assert.deepEqual([answer.body, { ...answer.trailers }['x-sum']], ['hello', '42']);
  assert.deepEqual(framing, [undefined, 'chunked']);
  assert.deepEqual({ ...trailers }, { 'x-req': '7' });
  const counted = open(session, h, { ':method': 'POST', 'content-length': '5' });
  counted.end('hello');
  assert.equal((await read(counted)).body, 'hello');
  assert.deepEqual(framing, ['5', undefined]);
  assert.equal((await read(open(session, h, { ':method': 'POST' }, { endStream: true }))).body, '');
  assert.deepEqual(framing, ['0', undefined]);
});

for (const secure of [false, true]) {
  const kind = secure ? 'over TLS by ALPN' : 'without TLS by X-aws-proxy-force-h2';
  const force: Record<string, string> = secure ? {} : { 'x-aws-proxy-force-h2': 'true' };

  test(`an HTTP/2 application, ${kind}: one connection for many requests of both versions`, async (t) => {
    const h = await start(t);
    const sessions = new Set<unknown>();
    const app = await h.http2App(secure);
    app.on('stream', (stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      sessions.add(stream.session);
      stream.respond({ ':status': 200, 'x-authority': headers[':authority'], 'x-scheme': headers[':scheme'], 'x-for': headers['x-forwarded-for'] }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.pipe(stream);
    });
    const session = connect(t, h);
    const bodies = await Promise.all(Array.from({ length: 30 }, async (_, i) => {
      const stream = open(session, h, { ':method': 'POST', ...force });
      stream.end(`body ${i}`);
      const answer = await read(stream);
      assert.equal(answer.trailers?.['x-sum'], '42');
      assert.deepEqual([answer.headers['x-authority'], answer.headers['x-scheme'], answer.headers['x-for']], [HOST, secure ? 'https' : 'http', '127.0.0.1']);
      return answer.body;
    }));
    assert.deepEqual(bodies, Array.from({ length: 30 }, (_, i) => `body ${i}`));
    const old = await h.fetch({ method: 'POST', headers: { ...force, te: 'trailers' } }, 'over HTTP/1.1');
    assert.deepEqual([old.body, { ...old.trailers }], ['over HTTP/1.1', { 'x-sum': '42' }]);
    assert.equal(sessions.size, 1);
  });

  test(`an HTTP/2 application, ${kind}: resets pass both ways with their codes`, async (t) => {
    const h = await start(t);
    const app = await h.http2App(secure);
    const ended = deferred<number>();
    app.on('stream', (stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined);
      if (headers[':path'] === '/refuse') return stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      stream.respond({ ':status': 200 }, RESETTABLE);
      stream.write('part');
      if (headers[':path'] === '/break') return void setImmediate(() => stream.close(constants.NGHTTP2_INADEQUATE_SECURITY));
      stream.once('close', () => ended.resolve(stream.rstCode));
    });
    const session = connect(t, h);
    const broken = open(session, h, { ':path': '/break', ...force });
    const closed = new Promise((resolve) => broken.once('close', resolve));
    broken.on('error', () => undefined).resume();
    await closed;
    assert.equal(broken.rstCode, constants.NGHTTP2_INADEQUATE_SECURITY);
    const refused = await read(open(session, h, { ':path': '/refuse', ...force }));
    assert.deepEqual([refused.headers[':status'], refused.headers['x-aws-proxy-error']], [502, 'APP_CONNECT_FAILED']);
    const left = open(session, h, { ':method': 'POST', ...force }, RESETTABLE);
    left.on('error', () => undefined);
    await once(left, 'data');
    left.close(constants.NGHTTP2_CANCEL);
    assert.equal(await ended.promise, constants.NGHTTP2_CANCEL);
  });
}

test('an answer that is its head alone stays one (gRPC: trailers only)', async (t) => {
  const h = await start(t);
  const app = await h.http2App(false);
  app.on('stream', (stream: http2.ServerHttp2Stream) => stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }));
  const stream = open(connect(t, h), h, { ':method': 'POST', 'content-type': 'application/grpc' });
  stream.end('x');
  const [headers, flags] = (await once(stream, 'response')) as [IncomingHttpHeaders, number];
  assert.equal(headers['grpc-status'], '5');
  assert.ok((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
});

test('an application that speaks HTTP/1.1 alone answers a forced HTTP/2 request with 502', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  const answer = await h.fetch({ headers: { 'x-aws-proxy-force-h2': 'true' } });
  assert.deepEqual([answer.status, answer.headers['x-aws-proxy-error']], [502, 'APP_CONNECT_FAILED']);
  assert.equal((await h.fetch()).body, 'reached');
});

test('a TLS application with a self-signed certificate and HTTP/1.1, asked once', async (t) => {
  const h = await start(t);
  const names = new Set<unknown>();
  const app = await h.tlsApp((req, res) => void req.pipe(res));
  app.on('secureConnection', (socket) => names.add(socket.servername));
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => h.fetch({ method: 'POST' }, `body ${i}`)));
  assert.deepEqual(answers.map(({ body }) => body), Array.from({ length: 20 }, (_, i) => `body ${i}`));
  assert.deepEqual([...names], [HOST]);
  const before = h.gateway.connects;
  assert.equal((await h.fetch({ method: 'POST' }, 'again')).body, 'again');
  assert.equal(h.gateway.connects, before);
});

test('an application that comes back without TLS is found out', async (t) => {
  const h = await start(t);
  const app = await h.tlsApp((_req, res) => res.end('secure'));
  assert.equal((await h.fetch()).body, 'secure');
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
  await h.app((_req, res) => res.end('plain'));
  const bodies: string[] = [];
  for (let i = 0; i < 3; i += 1) bodies.push((await h.fetch()).body);
  assert.equal(bodies.at(-1), 'plain');
});

test('a client reset while the VM is being woken ends the connecting; resets before an answer reach the application', async (t) => {
  const h = await start(t);
  const session = connect(t, h);
  h.gateway.gate = new Promise(() => undefined);
  const waiting = open(session, h);
  waiting.on('error', () => undefined);
  while (h.gateway.connects === 0) await new Promise(setImmediate);
  waiting.close(constants.NGHTTP2_CANCEL);
  const [signal] = h.gateway.signals;
  assert.ok(signal);
  if (!signal.aborted) await once(signal, 'abort');
  h.gateway.gate = Promise.resolve();
  const arrived = deferred();
  const outcome = deferred<string>();
  await h.app((req: IncomingMessage) => {
    arrived.resolve();
    req.once('close', () => outcome.resolve(req.complete ? 'complete' : 'aborted'));
    req.on('error', () => undefined);
  });
  const upload = open(session, h, { ':method': 'POST' }, RESETTABLE);
  upload.on('error', () => undefined);
  upload.write('part');
  await arrived.promise;
  upload.close(constants.NGHTTP2_CANCEL);
  assert.equal(await outcome.promise, 'aborted');
});

test('ambiguous HTTP/2 requests never reach an application', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  const session = connect(t, h);
  const cases: OutgoingHttpHeaders[] = [
    { ':path': '/a b' }, { ':path': '/a\u007f' }, { ':path': 'https://other/' }, { ':path': '*' }, { ':path': '' },
    { ':method': 'GE T' }, { ':method': 'A'.repeat(65) }, { host: 'other.microvm.localhost' }, { 'content-length': '+5' }, { 'content-length': '1, 1' },
  ];
  for (const fields of cases) {
    const stream = open(session, h, fields);
    const status = await new Promise((resolve) => {
      stream.once('response', (headers) => resolve(headers[':status']));
      stream.on('error', () => resolve('reset'));
    });
    assert.ok(status === 400 || status === 'reset', JSON.stringify([fields, status]));
  }
  for (const authority of [`${LABEL}.microvm.other`, 'localhost', '']) {
    const { headers } = await read(session.request({ ':authority': authority, host: authority, 'x-aws-proxy-auth': h.token })).catch(() => ({ headers: { ':status': 403 } }));
    assert.ok(headers[':status'] === 403 || headers[':status'] === 400, authority);
  }
  assert.equal(h.gateway.connects, 0);
});

test('HTTP/2 refusals: status, body and header as over HTTP/1.1', async (t) => {
  const h = await start(t);
  const session = connect(t, h);
  const missing = await read(session.request({ ':authority': HOST }));
  assert.deepEqual([missing.headers[':status'], missing.body, missing.headers['x-aws-proxy-error']], [403, 'Request missing authentication', 'UNAUTHORIZED']);
  const port = await read(open(session, h, { 'x-aws-proxy-port': 'x' }));
  assert.deepEqual([port.headers[':status'], port.body], [400, '']);
  const unreached = open(session, h, { ':method': 'POST' });
  unreached.end('body that nobody takes');
  assert.deepEqual([(await read(unreached)).headers['x-aws-proxy-error']], ['APP_CONNECT_FAILED']);
});

test('a client that does not read one HTTP/2 stream holds its application back, not the others', async (t) => {
  const h = await start(t);
  let sent = 0;
  await h.app((req, res) => {
    if (req.url === '/small') return res.end('small');
    const chunk = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (sent < 200 * 2 ** 20) {
        sent += chunk.length;
        if (!res.write(chunk)) return void res.once('drain', write);
      }
      res.end();
    };
    write();
  });
  const session = connect(t, h);
  const stalled = open(session, h);
  await once(stalled, 'response');
  let last = -1;
  while (last !== sent) {
    last = sent;
    assert.equal((await read(open(session, h, { ':path': '/small' }))).body, 'small');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < 40 * 2 ** 20, `${sent} bytes left the application though nobody reads`);
  stalled.destroy();
});

test('fields that HTTP/2 cannot carry break their own exchange and nothing else', async (t) => {
  const h = await start(t);
  const hints = 'HTTP/1.1 103 Early Hints\r\nETag: a\r\nETag: b\r\nLink: </x>; rel=preload\r\n\r\n';
  const answers: Record<string, string> = {
    '/hints': `${hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
    '/head': 'HTTP/1.1 200 OK\r\nETag: a\r\nETag: b\r\nContent-Length: 2\r\n\r\nok',
    '/trailers': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nETag: a\r\nETag: b\r\n\r\n',
  };
  await h.rawApp((socket) => socket.once('data', (bytes: Buffer) => {
    if (bytes[0] === 0x16) return void socket.end(); // a ClientHello
    socket.end(answers[/^GET (\S+)/.exec(bytes.toString())?.[1] ?? ''] ?? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  }));
  const session = connect(t, h);
  assert.equal((await read(open(session, h, { ':path': '/hints' }))).body, 'ok');
  assert.equal((await read(open(session, h, { ':path': '/head' }))).headers[':status'], 502);
  await assert.rejects(read(open(session, h, { ':path': '/trailers' })), { code: 'ERR_HTTP2_STREAM_ERROR' });
  assert.equal((await read(open(session, h))).headers[':status'], 404);
  for (const path of Object.keys(answers)) assert.deepEqual([(await h.fetch({ path })).status, (await h.fetch({ path })).body], [200, 'ok'], 'HTTP/1.1 carries them');
});
