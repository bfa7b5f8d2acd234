import assert from 'node:assert/strict';
import https from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred, HOST, read, start } from './harness.js';

test('a request passes with its headers, without controls and hop-by-hop fields', async (t) => {
  const h = await start(t);
  let seen: string[] = [];
  await h.app((req, res) => {
    seen = req.rawHeaders;
    res.writeHead(418, 'Short And Stout', ['Set-Cookie', 'a=1', 'X-Two', 'x', 'set-cookie', 'b=2', 'Connection', 'X-Secret', 'X-Secret', 'hop', 'Keep-Alive', 'timeout=9']);
    res.end('tea');
  });
  const host = `${HOST}:${h.port}`;
  const answer = await h.fetch({
    path: '/a%20b?c=%2F&d=é'.replace('é', '%C3%A9'),
    headers: [
      'Host', host, 'X-aws-proxy-auth', h.token, 'X-AWS-Proxy-Port', '8080', 'x-aws-proxy-force-h2', 'false', 'x-aws-proxy-anything', '1', 'X-Amzn-RequestId', 'forged',
      'X-Forwarded-For', '203.0.113.9', 'x-forwarded-for', '10.0.0.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'forged', 'X-Forwarded-Port', '1',
      'x-LOWER', '1', 'Accept', 'b', 'Accept', 'a', 'Connection', 'X-Named, Content-Length, close', 'X-Named', 'hop', 'Keep-Alive', '5', 'TE', 'gzip', 'Proxy-Connection', 'x', 'Proxy-Authorization', 'y',
    ],
  });
  const id = seen.indexOf('x-amzn-requestid');
  assert.match(seen[id + 1] ?? '', /^[0-9a-f-]{36}$/);
  assert.deepEqual(seen, ['Host', host, 'x-LOWER', '1', 'Accept', 'b', 'Accept', 'a', 
    'x-forwarded-for', '203.0.113.9, 10.0.0.1, 127.0.0.1', 'x-forwarded-proto', 'https', 'x-forwarded-host', host, 'x-amzn-requestid', seen[id + 1], 'connection', 'keep-alive']);
  assert.equal(answer.status, 418);
  assert.equal(answer.body, 'tea');
  assert.deepEqual(answer.rawHeaders.slice(0, 6), ['Set-Cookie', 'a=1', 'X-Two', 'x', 'set-cookie', 'b=2']);
  assert.equal(answer.headers['x-secret'], undefined);
  assert.equal(answer.headers['x-forwarded-for'], undefined);
});

test('methods and framing: HEAD, 204, 304, empty POST, HTTP/1.0', async (t) => {
  const h = await start(t);
  let framing: [string | undefined, string | undefined] | undefined;
  await h.app((req, res) => {
    framing = [req.headers['content-length'], req.headers['transfer-encoding']];
    if (req.url === '/204' || req.url === '/304') return res.writeHead(Number(req.url.slice(1))).end();
    if (req.url === '/chunks') {
      res.write('one');
      return res.end('two');
    }
    res.setHeader('content-length', '3');
    res.end('abc');
  });
  const head = await h.fetch({ method: 'HEAD' });
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '3']);
  assert.equal((await h.fetch({ path: '/204' })).status, 204);
  assert.equal((await h.fetch({ path: '/304' })).status, 304);
  const ask = (method: string): Promise<string> => h.raw(`${method} / HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\nConnection: close\r\n\r\n`);
  assert.match(await ask('POST'), /abc$/);
  assert.deepEqual(framing, ['0', undefined], 'an empty POST is not turned into a chunked one');
  assert.match(await ask('DELETE'), /abc$/);
  assert.deepEqual(framing, [undefined, undefined]);
  const old = await h.raw(`GET /chunks HTTP/1.0\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\n\r\n`);
  assert.match(old, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nonetwo$/);
  assert.doesNotMatch(old, /transfer-encoding/i);
});

test('trailers pass both ways; controls in them do not', async (t) => {
  const h = await start(t);
  let seen: NodeJS.Dict<string> = {};
  await h.app((req, res) => {
    req.resume().once('end', () => {
      seen = req.trailers;
      res.writeHead(200, { trailer: 'X-Sum' });
      res.write('body');
      res.addTrailers({ 'X-Sum': '42' });
      res.end();
    });
  });
  const req = h.request({ method: 'POST', headers: { trailer: 'X-Req', te: 'trailers' } });
  req.write('part');
  req.addTrailers({ 'X-Req': '7', 'X-aws-proxy-port': '1', 'Host': 'evil' });
  const answer = await read(req);
  assert.deepEqual({ ...seen }, { 'x-req': '7' });
  assert.deepEqual({ ...answer.trailers }, { 'x-sum': '42' });
  assert.equal(answer.headers.trailer, 'X-Sum');
});

test('a trailer announced on an answer without chunks is left out, the answer is not', async (t) => {
  const h = await start(t);
  await h.rawApp((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok')));
  const answer = await h.fetch();
  assert.deepEqual([answer.status, answer.body, answer.headers.trailer], [200, 'ok', undefined]);
});

test('the answer arrives while the request body is still being sent', async (t) => {
  const h = await start(t);
  await h.app((req, res) => {
    res.flushHeaders();
    req.pipe(res);
  });
  const req = h.request({ method: 'POST' });
  req.write('first ');
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const iterator = res[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  assert.equal(String((await iterator.next()).value), 'first ');
  req.end('second');
  assert.equal(String((await iterator.next()).value), 'second');
  assert.equal((await iterator.next()).done, true);
  assert.ok(h.gateway.touches >= 4);
});

test('server-sent events arrive one by one, the head before any of them', async (t) => {
  const h = await start(t);
  const turns = [deferred(), deferred(), deferred()];
  await h.app((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    void (async () => {
      for (const [index, turn] of turns.entries()) {
        await turn.promise;
        res.write(`data: ${index}\n\n`);
      }
      res.end();
    })();
  });
  const req = h.request();
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const iterator = res[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (const [index, turn] of turns.entries()) {
    turn.resolve();
    assert.equal(String((await iterator.next()).value), `data: ${index}\n\n`);
  }
  assert.equal((await iterator.next()).done, true);
});

test('Expect: 100-continue is the application\'s to answer', async (t) => {
  const h = await start(t);
  const app = await h.app((req, res) => void req.resume().once('end', () => res.end('taken')));
  app.on('checkContinue', (req: IncomingMessage, res) => {
    if (req.url === '/no') return res.writeHead(417).end();
    res.writeContinue();
    app.emit('request', req, res);
  });
  const req = h.request({ method: 'PUT', headers: { expect: '100-continue', 'content-length': '4' } });
  req.flushHeaders();
  await once(req, 'continue');
  assert.equal((await read(req, 'body')).body, 'taken');

  const refused = h.request({ method: 'PUT', path: '/no', headers: { expect: '100-continue', 'content-length': '4' } });
  refused.flushHeaders();
  const [res] = (await once(refused, 'response')) as [IncomingMessage];
  assert.equal(res.statusCode, 417);
  assert.equal(res.headers.connection, 'close', 'whether the body follows is unknown: the connection ends');
  res.resume();
  refused.on('error', () => refused.destroy());
  refused.destroy();
});

test('50 MB each way hold little memory', async (t) => {
  const h = await start(t);
  const total = 50 * 2 ** 20;
  await h.app((req, res) => void req.pipe(res));
  const chunk = Buffer.alloc(64 * 1024, 7);
  const req = h.request({ method: 'POST' });
  const before = process.memoryUsage().rss;
  let peak = before;
  const answer = once(req, 'response');
  void (async () => {
    for (let sent = 0; sent < total; sent += chunk.length) {
      if (!req.write(chunk)) await once(req, 'drain');
    }
    req.end();
  })();
  const [res] = (await answer) as [IncomingMessage];
  let received = 0;
  for await (const part of res as AsyncIterable<Buffer>) {
    received += part.length;
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  assert.equal(received, total);
  // Client, proxy and application share this process, so this is a bound on all three. Buffered, each way takes 50 MB more.
  assert.ok(peak - before < 64 * 2 ** 20, `grew by ${((peak - before) / 2 ** 20).toFixed()} MiB`);
});

test('a client that does not read holds the application back', async (t) => {
  const h = await start(t);
  let sent = 0;
  let stalled = false;
  await h.app((_req, res) => {
    const chunk = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (sent < 200 * 2 ** 20) {
        sent += chunk.length;
        if (!res.write(chunk)) {
          stalled = true;
          return void res.once('drain', write);
        }
      }
      res.end();
    };
    write();
  });
  const req = h.request();
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  res.pause();
  let last = -1;
  while (last !== sent) {
    last = sent;
    await delay(100);
  }
  assert.ok(stalled);
  assert.ok(sent < 40 * 2 ** 20, `${sent} bytes left the application though nobody reads`);
  res.destroy();
});

test('client and application connections are both kept for reuse', async (t) => {
  const h = await start(t);
  const ports = new Set<number | undefined>();
  await h.app((req, res) => {
    ports.add(req.socket.remotePort);
    req.resume().once('end', () => res.end('ok'));
  });
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (let i = 0; i < 20; i += 1) {
    const req = h.request({ agent, method: i % 2 === 0 ? 'GET' : 'POST' });
    assert.equal((await read(req, i % 2 === 0 ? undefined : 'x')).body, 'ok');
    if (i > 0) assert.equal(req.reusedSocket, true);
  }
  assert.equal(ports.size, 1);
  assert.equal(h.gateway.connects, 2, 'one to ask for TLS, one for all requests');
});

test('a kept connection that the application closed is replaced for a repeatable request', async (t) => {
  const h = await start(t);
  let served = 0;
  await h.rawApp((socket) => {
    let first = true;
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x16) return void socket.end(); // a ClientHello
      // Each connection serves one request and dies at the next one, as a server does whose keep-alive time just ended.
      if (!first) return void socket.resetAndDestroy();
      first = false;
      served += 1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  assert.equal((await h.fetch()).body, 'ok');
  assert.equal((await h.fetch()).body, 'ok');
  assert.equal(served, 2);
  const post = await h.fetch({ method: 'POST' }, 'once only');
  assert.deepEqual([post.status, served], [502, 2]);
});

test('a connection from before a suspend is not met after it', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => res.end('ok'));
  assert.equal((await h.fetch()).body, 'ok');
  assert.ok(h.gateway.record);
  h.gateway.record = { ...h.gateway.record, suspendedAt: 1 };
  assert.equal((await h.fetch()).body, 'ok');
  assert.equal(h.gateway.connects, 3, 'the first of them asked for TLS');
  h.gateway.record = { ...h.gateway.record, state: 'SUSPENDED' };
  assert.equal((await h.fetch()).body, 'ok');
  assert.equal(h.gateway.connects, 4);
});

test('20 requests wait while the VM is being woken, then all are answered', async (t) => {
  const h = await start(t);
  await h.app((req, res) => void req.pipe(res));
  const gate = deferred();
  h.gateway.gate = gate.promise;
  const requests = Array.from({ length: 20 }, (_, i) => h.fetch({ method: 'POST' }, `body ${i}`));
  while (h.gateway.connects === 0) await delay(5);
  gate.resolve();
  assert.deepEqual((await Promise.all(requests)).map((answer) => answer.body), Array.from({ length: 20 }, (_, i) => `body ${i}`));
});
