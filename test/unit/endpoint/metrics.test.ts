/** What the endpoint counts for its operator: each request once, by what became of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import type { ProxyMetrics } from '../../../src/metrics/contracts.js';
import { HOST, start, VM } from './harness.js';

class Counts implements ProxyMetrics {
  readonly outcomes: string[] = [];
  connections = 0;
  readonly bytes = { in: 0, out: 0 };
  readonly upstreams: number[] = [];

  proxyRequest(outcome: string): void {
    this.outcomes.push(outcome);
  }
  proxyConnection(change: number): void {
    this.connections += change;
  }
  proxyBytes(direction: 'in' | 'out', count: number): void {
    this.bytes[direction] += count;
  }
  proxyUpstream(ms: number): void {
    this.upstreams.push(ms);
  }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

test('answers by their class, refusals by their reason, each once; bytes of bodies both ways', async (t) => {
  const counts = new Counts();
  const h = await start(t, { metrics: counts });
  await h.app((req, res) => {
    req.resume().on('end', () => res.writeHead(Number(req.url?.slice(1))).end('12345'));
  });
  for (const status of [200, 302, 404, 503]) await h.fetch({ method: 'POST', path: `/${status}` }, 'abc');
  assert.deepEqual(counts.outcomes.splice(0), ['2xx', '3xx', '4xx', '5xx']);
  assert.deepEqual(counts.bytes, { in: 12, out: 20 });
  assert.equal(counts.upstreams.length, 4);
  assert.ok(counts.upstreams.every((ms) => ms >= 0 && ms < 60_000), String(counts.upstreams));
  assert.equal(h.gateway.answers, 4, 'the MicroVM is told of each answer');

  const shell = await h.tokens.issueShellToken({ microvmId: VM, expiresInMinutes: 5 });
  await h.fetch({ headers: { 'x-aws-proxy-auth': 'garbage' } });
  await h.fetch({ headers: { 'x-aws-proxy-auth': shell } });
  await h.fetch({ headers: { 'x-aws-proxy-port': 'none' } });
  await h.fetch({ headers: { 'x-aws-proxy-port': '9999' } });
  h.gateway.unreachable = 'suspended';
  h.gateway.running = false;
  await h.fetch();
  assert.deepEqual(counts.outcomes.splice(0), ['unauthorized', 'unauthorized', 'bad-request', 'app-failed', 'microvm-unreachable']);
  assert.deepEqual([counts.upstreams.length, h.gateway.answers], [4, 4], 'nobody answered');
});

test('too many connections, an application that breaks off, a client that leaves', async (t) => {
  const counts = new Counts();
  const limit: { connections: number | undefined; bytesPerSecond: undefined } = { connections: undefined, bytesPerSecond: undefined };
  const h = await start(t, { metrics: counts, limitOf: () => limit });
  await h.rawApp((socket) => socket.once('data', () => socket.destroy()), 7000);
  await h.fetch({ headers: { 'x-aws-proxy-port': '7000' } });
  assert.deepEqual(counts.outcomes.splice(0), ['app-failed']);
  let asked = false;
  await h.app(() => (asked = true));
  const request = h.request();
  request.on('error', () => undefined).end();
  await until(() => asked);
  request.destroy();
  await until(() => counts.outcomes.length > 0);
  assert.deepEqual(counts.outcomes.splice(0), ['client-left']);
  limit.connections = 0;
  await h.fetch();
  assert.deepEqual(counts.outcomes, ['too-many']);
});

test('connections come and go; of an upgraded one all bytes count', async (t) => {
  const counts = new Counts();
  const h = await start(t, { metrics: counts });
  const app = await h.app((_req, res) => res.end());
  app.on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('data', (chunk: Buffer) => socket.end(`${chunk.toString()}!`)).on('error', () => socket.destroy());
  });
  const socket = await h.tlsConnect();
  await until(() => counts.connections === 1);
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${HOST}\r\nX-aws-proxy-auth: ${h.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  await once(socket, 'data');
  socket.write('ping');
  await once(socket, 'data');
  socket.end();
  await until(() => counts.connections === 0);
  assert.deepEqual([counts.outcomes, counts.bytes], [['upgraded'], { in: 4, out: 5 }]);
  assert.equal(h.gateway.answers, 1);
});
