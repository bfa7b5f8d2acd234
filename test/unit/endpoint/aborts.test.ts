import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred, HOST, start } from './harness.js';

test('a client that leaves while the VM is being woken aborts the connecting', async (t) => {
  const h = await start(t);
  h.gateway.gate = new Promise(() => undefined);
  const req = h.request();
  req.on('error', () => req.destroy());
  req.end();
  while (h.gateway.connects === 0) await delay(5);
  req.destroy();
  const [signal] = h.gateway.signals;
  assert.ok(signal);
  if (!signal.aborted) await once(signal, 'abort');
});

test('a client that leaves during the upload aborts the application\'s request', async (t) => {
  const h = await start(t);
  const arrived = deferred();
  const outcome = deferred<string>();
  await h.app((req) => {
    req.once('data', () => arrived.resolve());
    req.once('end', () => outcome.resolve('ended'));
    req.once('error', () => outcome.resolve('aborted'));
  });
  const req = h.request({ method: 'POST' });
  req.on('error', () => req.destroy());
  req.write('part');
  await arrived.promise;
  req.destroy();
  assert.equal(await outcome.promise, 'aborted');
});

test('a client that leaves during the answer closes the application\'s connection', async (t) => {
  const h = await start(t);
  const closed = deferred<boolean>();
  await h.app((_req, res) => {
    res.write('part');
    res.once('close', () => closed.resolve(res.writableFinished));
  });
  const req = h.request();
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  await once(res, 'data');
  res.destroy();
  assert.equal(await closed.promise, false);
});

for (const [name, head] of Object.entries({ length: 'Content-Length: 100\r\n', chunked: 'Transfer-Encoding: chunked\r\n' })) {
  test(`an application that breaks off its answer (${name}) cuts the client off`, async (t) => {
    const h = await start(t);
    await h.rawApp((socket) => socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n${name === 'chunked' ? '4\r\npart\r\n' : 'part'}`);
      setImmediate(() => socket.end());
    }));
    const req = h.request();
    req.end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    await assert.rejects(async () => {
      for await (const part of res as AsyncIterable<Buffer>) assert.equal(String(part), 'part');
    });
    assert.equal(res.complete, false);
  });
}

test('an application that resets its connection before answering is a failed one', async (t) => {
  const h = await start(t);
  await h.rawApp((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const answer = await h.fetch({ method: 'POST' }, 'x');
  assert.deepEqual([answer.status, answer.headers['x-aws-proxy-error']], [502, 'APP_CONNECT_FAILED']);
});

test('an answer before the end of the upload is whole, and the connection serves on', async (t) => {
  const h = await start(t);
  await h.rawApp((socket) => socket.once('data', () => socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!')));
  const socket = await h.tlsConnect();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const head = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\nContent-Length: 300000\r\n\r\n`;
  socket.write(head + 'x'.repeat(1000));
  while (!text.endsWith('no!')) await delay(5);
  socket.write('x'.repeat(299_000));
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  while (!text.includes('Request missing authentication')) await delay(5);
  assert.equal(text.split('HTTP/1.1 ').length, 3);
  socket.destroy();
});

for (const http2 of [false, true]) {
  test(`an upload that an application (HTTP/${http2 ? '2' : '1.1'}) answered and then left alone is taken to its end`, async (t) => {
    const h = await start(t);
    if (http2) {
      const app = await h.http2App(false);
      app.on('stream', (stream: ServerHttp2Stream) => {
        stream.on('error', () => undefined);
        stream.respond({ ':status': 413 });
        stream.end('no!');
        stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
      });
    } else {
      await h.rawApp((socket) => socket.once('data', (bytes: Buffer) => {
        if (bytes[0] === 0x16) return void socket.end(); // a ClientHello
        socket.pause();
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!');
        setTimeout(() => socket.destroy(), 200);
      }));
    }
    const socket = await h.tlsConnect();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const length = 40 * 2 ** 20;
    socket.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\nX-aws-proxy-force-h2: ${http2}\r\nContent-Length: ${length}\r\n\r\n`);
    await new Promise((resolve) => socket.write(Buffer.alloc(length), resolve));
    socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    while (!text.includes('Request missing authentication')) await delay(5);
    assert.match(text, /^HTTP\/1\.1 413 [^]*no![^]*HTTP\/1\.1 403 /);
    socket.destroy();
  });
}
