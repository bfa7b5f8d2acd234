import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import test from 'node:test';
import { StallWatch } from '../../../src/endpoint/stalled.js';
import { BytePace, createVmLimitOf } from '../../../src/endpoint/vm-limits.js';
import { HOST, read, record, start } from './harness.js';

test('limits: none, AWS\'s by size, and the operator\'s over both', () => {
  assert.deepEqual(createVmLimitOf({ vmLimits: 'none' }, () => 2048)(record), {});
  for (const [memory, connections, megabytes] of [[512, 8, 1], [1024, 16, 2], [2048, 32, 4], [4096, 64, 8], [8192, 128, 16]] as const) {
    assert.deepEqual(createVmLimitOf({ vmLimits: 'aws' }, () => memory)(record), { connections, bytesPerSecond: megabytes * 1e6 });
  }
  assert.deepEqual(createVmLimitOf({ vmLimits: 'aws', vmConnections: 3, vmBandwidthKiB: 2 }, () => 512)(record), { connections: 3, bytesPerSecond: 2048 });
  assert.deepEqual(createVmLimitOf({ vmLimits: 'none', vmConnections: 3 }, () => 512)(record), { connections: 3 });
});

test('a pace lets a burst pass, then asks to wait as long as the bytes take', () => {
  let now = 0;
  const pace = new BytePace(1000, () => now);
  assert.equal(pace.spend(250), 0);
  assert.equal(pace.spend(100), 100);
  assert.equal(pace.spend(100), 200);
  now = 200;
  assert.equal(pace.spend(0), 0);
  now = 10_000;
  assert.equal(pace.spend(250), 0, 'credit does not grow beyond the burst');
  assert.equal(pace.spend(1), 1);
});

test('one connection too many is refused with 429, a request more on a counted one is not; a closed one counts no more', async (t) => {
  const h = await start(t, { limitOf: () => ({ connections: 2 }) });
  await h.app((_req, res) => res.end('ok'));
  const session = http2.connect(`https://127.0.0.1:${h.port}`, { ca: h.ca, servername: HOST });
  t.after(() => session.destroy());
  const ask = async (): Promise<unknown> => {
    const stream = session.request({ ':authority': HOST, 'x-aws-proxy-auth': h.token });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    stream.resume();
    await once(stream, 'close');
    return headers[':status'];
  };
  assert.deepEqual([await ask(), await ask()], [200, 200]);
  const client = await h.tlsConnect();
  const request = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\n\r\n`;
  for (let i = 0; i < 2; i += 1) {
    client.write(request);
    assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 200 /);
  }
  const refused = await read(h.request());
  assert.deepEqual([refused.status, refused.body], [429, '']);
  const closed = once(client.resume(), 'close');
  client.destroy();
  await closed;
  let status = 429;
  while (status === 429) status = (await read(h.request())).status; // until the endpoint has seen the end too
  assert.equal(status, 200);
});

test('a MicroVM with a bandwidth is held to it, both ways together', async (t) => {
  const h = await start(t, { limitOf: () => ({ bytesPerSecond: 2_000_000 }) });
  await h.app((req, res) => void req.pipe(res));
  const body = Buffer.alloc(1_000_000, 7);
  const began = performance.now();
  const answer = await h.fetch({ method: 'POST' }, body);
  assert.equal(answer.body.length, body.length);
  // 2 MB both ways less a burst of 0.5 MB leaves 0.75 s, less what the last chunks, which nothing waits for, would take.
  // That it took longer is no failure.
  assert.ok(performance.now() - began >= 400, `${performance.now() - began} ms`);
});

test('a client that takes nothing for a minute is cut off; one that takes a little, or has nothing to take, is not', () => {
  const destroyed: string[] = [];
  const connection = (name: string) => ({
    bytesWritten: 100, writableLength: 50,
    destroy() {
      destroyed.push(name);
      return this as never;
    },
  });
  const [stuck, slow, idle] = [connection('stuck'), connection('slow'), { ...connection('idle'), writableLength: 0 }];
  const watch = new StallWatch([stuck, slow, idle]);
  for (let now = 0; now <= 60_000; now += 10_000) {
    slow.writableLength -= 1;
    watch.look(now);
  }
  assert.deepEqual(destroyed, ['stuck']);
});
