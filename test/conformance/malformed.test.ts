/** 10,000 requests that are wrong somewhere: none is answered with a 5xx, none hangs, and nothing is left of them. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { key, region, type Harness } from './harness.js';
import { startWithConsole } from './support/console.js';
import { createMalformed } from './support/malformed.js';
import { randomOf } from './support/random.js';
import { exchange } from './support/raw-exchange.js';

/** FUZZ_SEED tries others. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_622);
const total = 10_000;
/** Behind the first ones caches and pools are full: what grows after them is a leak. */
const warmUp = 2_500;
const parallel = 24;
/** Far more than any answer takes on a busy machine, far less than the server's own limits of a minute. */
const hangMs = 20_000;

/** Kinds that are whole as HTTP, so that they must be answered; of others the connection may just be closed. */
const whole = new Set(['many headers', 'unsigned path', 'presigned', 'operation', 'body of another type', 'logs', 's3', 'aws-chunked', 'console']);

let api: Harness;
let s3: S3Client;
before(async () => {
  api = await startWithConsole();
  s3 = new S3Client({ endpoint: api.url, region, credentials: key, forcePathStyle: true, maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket: 'fuzz' }));
  await s3.send(new PutObjectCommand({ Bucket: 'fuzz', Key: 'key', Body: 'object' }));
});
after(() => {
  s3.destroy();
  return api.close();
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function heldNow(): Promise<{ heap: number; files: number; sockets: number }> {
  collect();
  const sockets = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  return { heap: process.memoryUsage().heapUsed, files: (await readdir('/proc/self/fd')).length, sockets };
}

test(`${total} malformed requests, seed ${seed}`, async (t) => {
  const next = createMalformed(randomOf(seed), api.port);
  const faults: string[] = [];
  const statuses = new Map<string, number>();
  let count = 0;

  async function worker(until: number): Promise<void> {
    while (count < until) {
      const index = count++;
      const { kind, bytes } = next();
      const { statuses: given, text, hung } = await exchange(api.port, bytes, hangMs, whole.has(kind));
      for (const status of given.length === 0 ? ['closed'] : given) statuses.set(`${status}`, (statuses.get(`${status}`) ?? 0) + 1);
      const silent = given.length === 0 && whole.has(kind);
      if (hung || silent || given.some((status) => status >= 500)) {
        faults.push(`#${index} ${kind}: ${hung ? 'hung' : silent ? 'no answer' : given.join()} ${JSON.stringify(bytes.toString('latin1').slice(0, 600))} -> ${JSON.stringify(text.slice(0, 900))}`);
      }
    }
  }
  const run = (until: number) => Promise.all(Array.from({ length: parallel }, () => worker(until)));

  await run(warmUp);
  const before = await heldNow();
  const linesBefore = api.log().length;
  await run(total);
  const now = await heldNow();
  t.diagnostic(`answers: ${[...statuses].map(([status, times]) => `${status} x ${times}`).sort().join(', ')}`);
  t.diagnostic(`heap ${Math.round(before.heap / 1e6)} -> ${Math.round(now.heap / 1e6)} MB, files ${before.files} -> ${now.files}`);

  assert.deepEqual(faults.slice(0, 5), [], `${faults.length} of ${total}`);
  assert.ok((statuses.get('400') ?? 0) > total / 4, 'most are refused as malformed');
  assert.ok((statuses.get('200') ?? 0) < total / 4, 'few of them say something right');
  // The harness keeps the log, and the fakes what was made; neither is a leak.
  const kept = 2 * (api.log().length - linesBefore);
  assert.ok(now.heap - before.heap - kept < 25e6, `the heap grew from ${before.heap} to ${now.heap} bytes, ${kept} of them log`);
  assert.ok(now.sockets - before.sockets <= 2, `sockets: ${before.sockets}, then ${now.sockets}`);
  assert.ok(now.files - before.files <= 4, `open files: ${before.files}, then ${now.files}`);
  assert.deepEqual(api.log().split('\n').filter((line) => line.includes('"level":50')).slice(0, 3), [], 'an error in the log is a fault of ours');
});

test('and the server still serves', async () => {
  const { statuses } = await exchange(api.port, Buffer.from('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'), hangMs);
  assert.deepEqual(statuses, [200]);
});

test('a response header that no answer can have is the caller\'s error', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'fuzz', Key: 'key', Body: 'object' }));
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket: 'fuzz', Key: 'key', ResponseContentType: 'a\r\nb: c' })), { name: 'InvalidArgument' });
});

test('a client that leaves in the middle of its body is no error of the server', async () => {
  const before = api.log().length;
  const { hung } = await exchange(api.port, cutRequest(), hangMs);
  assert.equal(hung, false);
  assert.ok(!api.log().slice(before).includes('"level":50'));
});

function cutRequest(): Buffer {
  const cut = createMalformed(randomOf(seed), api.port);
  for (let i = 0; i < 1000; i += 1) {
    const { kind, bytes } = cut();
    if (kind === 'operation, cut') return bytes;
  }
  return assert.fail('no such kind');
}
