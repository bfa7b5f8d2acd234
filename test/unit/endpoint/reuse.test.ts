import assert from 'node:assert/strict';
import test from 'node:test';
import { start } from './harness.js';

test('a connection to an application is used again, but not while its MicroVM is being suspended', async (t) => {
  const h = await start(t);
  await h.app((_req, res) => void res.end('answer'));
  await h.fetch();
  await h.fetch();
  const before = h.gateway.connects;
  await h.fetch();
  assert.equal(h.gateway.connects, before, 'used again');
  h.gateway.running = false;
  assert.equal((await h.fetch()).body, 'answer');
  assert.equal(h.gateway.connects, before + 1, 'asked for anew, so that the suspend is waited for');
});
