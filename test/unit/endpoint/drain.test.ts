import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import test from 'node:test';
import { deferred, read, start } from './harness.js';

/** Never waited for in full: the requests under test end, or are cut, long before. */
const LONG_MS = 60_000;

test('a stop with grace lets a request under way end, and takes no new connection', async (t) => {
  const h = await start(t);
  const answering = deferred<ServerResponse>();
  await h.app((_req, res) => answering.resolve(res));
  const answer = read(h.request());
  const response = await answering.promise;
  const closing = h.close(LONG_MS);
  await assert.rejects(h.tlsConnect(), /ECONNREFUSED/);
  response.end('whole');
  assert.equal((await answer).body, 'whole');
  await closing;
});

for (const [what, graceMs] of [['without grace', undefined], ['whose grace ends', 20]] as const) {
  test(`a stop ${what} cuts a request off`, async (t) => {
    const h = await start(t);
    await h.app((_req, res) => void res.write('part'));
    const request = h.request();
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    const cut = once(response, 'error');
    await h.close(graceMs);
    await cut;
  });
}
