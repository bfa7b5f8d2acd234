/**
 * The load generator, a process of its own: keep-alive connections on raw sockets, one request at a time on each.
 * A request is signed anew once per second per connection, with the headers the SDK sends; signatures hold for
 * minutes, and the server verifies each request all the same.
 */
import { connect, type Socket } from 'node:net';
import type { Load, Result } from './protocol.js';
import { signedHeaders } from './sign.js';

const RESIGN_MS = 1000;
const HEAD_END = Buffer.from('\r\n\r\n');

function requestBytes(port: number, path: string): Buffer {
  const lines = Object.entries(signedHeaders(port, path)).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

/** Sends requests one after the other until `until`; the times of all go to `took`, in ms. */
function drive({ port, path }: Load, until: number, took: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1').setNoDelay(true);
    let request = requestBytes(port, path);
    let signedAt = performance.now();
    let sentAt = 0;
    let parts: Buffer[] = [];
    const send = (now: number): void => {
      if (now >= until) return void socket.end(resolve);
      if (now - signedAt > RESIGN_MS) {
        request = requestBytes(port, path);
        signedAt = now;
      }
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('connect', () => send(performance.now())).on('error', reject);
    socket.on('data', (chunk) => {
      parts.push(chunk);
      const answer = parts.length === 1 ? chunk : Buffer.concat(parts);
      const end = answer.indexOf(HEAD_END);
      if (end < 0) return;
      const head = answer.toString('latin1', 0, end);
      if (!head.startsWith('HTTP/1.1 200')) return reject(new Error(`not answered 200: ${answer.toString()}`));
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      if (answer.length < end + HEAD_END.length + length) return;
      parts = [];
      const now = performance.now();
      took.push(now - sentAt);
      send(now);
    });
  });
}

async function run(load: Load): Promise<Result> {
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: load.connections }, () => drive(load, started + load.ms, took)));
  const elapsed = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(took).sort();
  const at = (quantile: number): number => sorted[Math.floor(quantile * sorted.length)] ?? Number.NaN;
  return { perSecond: (took.length / elapsed) * 1000, p50Ms: at(0.5), p99Ms: at(0.99), cpu: (user + system) / 1000 / elapsed };
}

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());
