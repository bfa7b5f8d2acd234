import assert from 'node:assert/strict';
import test from 'node:test';
import tls from 'node:tls';
import { createListener } from '../../../src/endpoint/listener.js';
import { makeAuthority } from '../../../src/endpoint/x509.js';

test('a client that does not end its head in time is answered 408 and let go', async (t) => {
  const pair = await makeAuthority('self-signed', { from: Date.now() - 60_000, to: Date.now() + 60_000 });
  const never = (): void => assert.fail('there was no whole request');
  const listener = createListener({ current: () => pair, onChange: () => () => undefined }, { request: never, upgrade: never, tunnel: never, stream: never, connection: () => undefined }, { headMs: 50, lookMs: 10 });
  const { port } = await listener.listen('127.0.0.1', 0);
  t.after(() => listener.close());
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => socket.destroy()));
  assert.match(text, /^HTTP\/1\.1 408 /);
});
