import assert from 'node:assert/strict';
import test from 'node:test';
import { HOST, start, type Harness } from './harness.js';
import { malformedRequests } from './malformed-requests.js';

/** What the server says until it closes; a request that it waits for more of is ended by the client. */
async function send(h: Harness, bytes: string): Promise<string> {
  const socket = await h.tlsConnect();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const closed = new Promise((resolve) => socket.once('close', resolve).on('error', () => socket.destroy()));
  socket.write(bytes, 'latin1');
  // A server that waits for more is told that there is none.
  const waiting = setTimeout(() => socket.end(), 200);
  await closed;
  clearTimeout(waiting);
  return text;
}

test('malformed requests are refused before anything connects', async (t) => {
  const h = await start(t);
  const seen: string[] = [];
  await h.app((req, res) => {
    seen.push(req.url ?? '');
    res.end('reached');
  });
  assert.equal((await h.fetch({ path: '/first' })).body, 'reached', 'the token is known from here on: nothing waits for its decryption');
  const cases = malformedRequests(HOST, `Host: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\n`);
  assert.ok(cases.size >= 200, `${cases.size} cases`);
  const failures: string[] = [];
  for (const [name, bytes] of cases) {
    const before = seen.length;
    const answer = await send(h, bytes);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
    if (statuses.length > 1 || !/^$|^HTTP\/1\.1 (400|403|404|413|431) /.test(answer)) failures.push(`${name}: ${JSON.stringify(answer.slice(0, 60))} ${statuses.join()}`);
    if (seen.length !== before) failures.push(`${name} reached the application`);
  }
  await h.fetch({ path: '/last' });
  assert.deepEqual([failures, seen], [[], ['/first', '/last']]);
  t.diagnostic(`${cases.size} cases`);
});

test('malformed chunks end the exchange: what follows them is never a request', async (t) => {
  const h = await start(t);
  const seen: string[] = [];
  await h.app((req, res) => {
    seen.push(req.url ?? '');
    req.on('error', () => undefined).resume().once('end', () => res.end('whole'));
  });
  const head = `Host: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\n`;
  const smuggled = `GET /smuggled HTTP/1.1\r\n${head}\r\n`;
  const bodies = [
    '5\r\nhello0\r\n\r\n', '5\r\nhell\r\n0\r\n\r\n', '4\r\nhello\r\n0\r\n\r\n', '-1\r\n\r\n', '+5\r\nhello\r\n0\r\n\r\n', '0x5\r\nhello\r\n0\r\n\r\n', '5 \nhello\r\n0\r\n\r\n', '5\nhello\n0\n\n', ' 5\r\nhello\r\n0\r\n\r\n',
    'g\r\nhello\r\n0\r\n\r\n', '\r\nhello\r\n0\r\n\r\n', '5;\x00\r\nhello\r\n0\r\n\r\n', '5;a\nb\r\nhello\r\n0\r\n\r\n', `${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`, '10000000000000000\r\nhello\r\n0\r\n\r\n', '5,5\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n0\r\nX-A : b\r\n\r\n', '5\r\nhello\r\n0\r\n folded\r\n\r\n', '5\r\nhello\r\n0\r\nX\x00A: b\r\n\r\n', '5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n', '5\r\nhello\r\n0\n\n',
  ];
  for (const body of bodies) {
    const answer = await send(h, `POST /first HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${body}${smuggled}`);
    assert.doesNotMatch(answer, /whole[^]*whole/, JSON.stringify(body));
  }
  assert.ok(!seen.includes('/smuggled'), JSON.stringify(seen));
});
