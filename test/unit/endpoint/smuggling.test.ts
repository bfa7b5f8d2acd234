import assert from 'node:assert/strict';
import test from 'node:test';
import { deferred, HOST, start } from './harness.js';

test('a request that two parsers could read in two ways never reaches the app', async (t) => {
  const h = await start(t);
  const seen: string[] = [];
  await h.app((req, res) => {
    seen.push(`${req.method ?? ''} ${req.url ?? ''}`);
    res.end('reached');
  });
  const base = `Host: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\n`;
  const smuggled = `GET /smuggled HTTP/1.1\r\n${base}\r\n`;
  const requests = {
    'length and chunked': `POST / HTTP/1.1\r\n${base}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked and length': `POST / HTTP/1.1\r\n${base}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
    'two lengths': `POST / HTTP/1.1\r\n${base}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`,
    'two equal lengths': `POST / HTTP/1.1\r\n${base}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    'list of lengths': `POST / HTTP/1.1\r\n${base}Content-Length: 5, 5\r\n\r\nhello`,
    'signed length': `POST / HTTP/1.1\r\n${base}Content-Length: +5\r\n\r\nhello`,
    'two hosts': `GET / HTTP/1.1\r\n${base}Host: ${HOST}\r\n\r\n`,
    'two different hosts': `GET / HTTP/1.1\r\n${base}Host: other.microvm.localhost\r\n\r\n`,
    'no host': `GET / HTTP/1.1\r\nX-aws-proxy-auth: ${h.token}\r\n\r\n`,
    'no host, HTTP/1.0': `GET / HTTP/1.0\r\nX-aws-proxy-auth: ${h.token}\r\n\r\n`,
    'folded line': `GET / HTTP/1.1\r\n${base}X-A: 1\r\n 2\r\n\r\n`,
    'space before colon': `POST / HTTP/1.1\r\n${base}Content-Length : 5\r\n\r\nhello`,
    'space before name': `GET / HTTP/1.1\r\n ${base}\r\n`,
    'bare line feed': `GET / HTTP/1.1\nHost: ${HOST}\nX-aws-proxy-auth: ${h.token}\n\n`,
    'null byte': `GET / HTTP/1.1\r\n${base}X-A: a\0b\r\n\r\n`,
    'bare carriage return': `GET / HTTP/1.1\r\n${base}X-A: a\rX-B: b\r\n\r\n`,
    'absolute target': `GET https://other.microvm.localhost/ HTTP/1.1\r\n${base}\r\n`,
    'unknown coding': `POST / HTTP/1.1\r\n${base}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'coding twice': `POST / HTTP/1.1\r\n${base}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'coding not last': `POST / HTTP/1.1\r\n${base}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    'coding misspelt': `POST / HTTP/1.1\r\n${base}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'coding in HTTP/1.0': `POST / HTTP/1.0\r\n${base}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'upgrade with a body': `GET / HTTP/1.1\r\n${base}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
    'tunnel': `CONNECT other:80 HTTP/1.1\r\n${base}\r\n`,
    'unknown version': `GET / HTTP/2.7\r\n${base}\r\n`,
  };
  for (const [name, bytes] of Object.entries(requests)) {
    const answer = await h.raw(bytes);
    assert.match(answer, /^HTTP\/1\.1 400 /, name);
    assert.equal(answer.split('HTTP/1.1 ').length, 2, `${name}: one answer, then the end`);
  }
  assert.deepEqual(seen, []);
  assert.equal(h.gateway.connects, 0);
});

test('a broken chunk ends both connections', async (t) => {
  const h = await start(t);
  const arrived = deferred();
  const outcome = deferred<string>();
  await h.app((req) => {
    req.once('data', () => arrived.resolve());
    req.once('error', () => outcome.resolve('aborted'));
    req.once('end', () => outcome.resolve('ended'));
  });
  const socket = await h.tlsConnect();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => socket.destroy()).resume();
  socket.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
  await arrived.promise;
  socket.write('ZZ\r\n');
  await closed;
  assert.equal(await outcome.promise, 'aborted');
});

test('a head beyond the limit is refused with 431', async (t) => {
  const h = await start(t);
  assert.match(await h.raw(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-A: ${'a'.repeat(40_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});
