import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { ObjectError, type ObjectErrorCode, type S3Request } from '../../../src/aws/contracts.js';
import { addressOf } from '../../../src/aws/s3/address.js';
import { crc32c, crc64nvme } from '../../../src/aws/s3/crc.js';
import { compareKeys, lowerBound } from '../../../src/aws/s3/key-order.js';
import { parseRange } from '../../../src/aws/s3/range.js';
import { createS3Service } from '../../../src/aws/s3/service.js';
import { xmlDocument, xmlTexts } from '../../../src/aws/s3/xml.js';

const accountId = '123456789012';

async function dataFolder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-s3-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

const open = (dataDir: string) => createS3Service({ dataDir, region: 'us-east-1', log: pino({ level: 'silent' }) });

function request(method: string, rawPath: string, body: Readable | string = '', length = typeof body === 'string' ? body.length : undefined): S3Request {
  const stream = typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body;
  return { requestId: 'r', accountId, authorize: () => undefined, method, host: '127.0.0.1', rawPath, query: new Map(), headers: new Map(), body: stream, length, trailers: new Map() };
}

test('checks of the published check string', () => {
  const of = (sum: ReturnType<typeof crc32c>) => {
    sum.update(Buffer.from('1234'));
    sum.update(Buffer.from('56789'));
    return Buffer.from(sum.digest(), 'base64').toString('hex');
  };
  assert.equal(of(crc32c()), 'e3069283');
  assert.equal(of(crc64nvme()), 'ae8b14860a799888');
});

test('objects and their owner survive a restart; what a crash left behind does not', async (t) => {
  const dataDir = await dataFolder(t);
  const first = open(dataDir);
  assert.equal((await first.handle(request('PUT', '/bucket'))).status, 200);
  assert.equal((await first.handle(request('PUT', '/bucket/a%2Fb', 'hello'))).status, 200);
  await writeFile(join(dataDir, 's3', 'bucket', 'blobs', randomUUID()), 'half an upload');

  const again = open(dataDir);
  const { size, body } = await again.open(accountId, 'bucket', 'a/b');
  assert.deepEqual([size, await text(body)], [5, 'hello']);
  assert.equal((await readdir(join(dataDir, 's3', 'bucket', 'blobs'))).length, 1);
});

test('an upload that nobody finishes is removed after seven days', async (t) => {
  const dataDir = await dataFolder(t);
  let now = 1e12;
  const s3 = createS3Service({ dataDir, region: 'us-east-1', log: pino({ level: 'silent' }), clock: () => now });
  await s3.handle(request('PUT', '/bucket'));
  const uploads = join(dataDir, 's3', 'bucket', 'uploads');
  const begin = async () => assert.equal((await s3.handle({ ...request('POST', '/bucket/key'), query: new Map([['uploads', '']]) })).status, 200);
  await begin();
  const [first] = await readdir(uploads);
  now += 7 * 86_400_000;
  await begin();
  assert.equal((await readdir(uploads)).length, 2);
  now += 1;
  await begin();
  const left = await readdir(uploads);
  assert.equal(left.length, 2);
  assert.ok(!left.includes(first ?? ''));
});

test('the reader names what is wrong', async (t) => {
  const s3 = open(await dataFolder(t));
  await s3.handle(request('PUT', '/bucket'));
  const fails = (code: ObjectErrorCode) => (error: unknown) => error instanceof ObjectError && error.code === code && error.message.includes('s3://');
  await assert.rejects(s3.open(accountId, 'nowhere', 'k'), fails('NoSuchBucket'));
  await assert.rejects(s3.open(accountId, 'bucket', 'k'), fails('NoSuchKey'));
  await assert.rejects(s3.open('210987654321', 'bucket', 'k'), fails('AccessDenied'));
});

test('an upload that breaks off changes nothing; a reader keeps the object it opened', async (t) => {
  const dataDir = await dataFolder(t);
  const s3 = open(dataDir);
  await s3.handle(request('PUT', '/bucket'));
  await s3.handle(request('PUT', '/bucket/k', 'old'));
  const broken = Readable.from((async function* () {
    yield await Promise.resolve(Buffer.from('ne'));
    throw new Error('the client is gone');
  })());
  assert.equal((await s3.handle(request('PUT', '/bucket/k', broken, 3))).status, 500);
  assert.equal((await s3.handle(request('PUT', '/bucket/k', 'short', 99))).status, 400);

  const held = await s3.open(accountId, 'bucket', 'k');
  await s3.handle(request('PUT', '/bucket/k', 'newer'));
  await s3.handle(request('DELETE', '/bucket/k'));
  assert.equal((await buffer(held.body)).toString(), 'old');
  assert.deepEqual(await readdir(join(dataDir, 's3', 'bucket', 'blobs')), []);
});

test('many puts of one key at once leave one whole object', async (t) => {
  const dataDir = await dataFolder(t);
  const s3 = open(dataDir);
  await s3.handle(request('PUT', '/bucket'));
  await Promise.all(Array.from({ length: 20 }, (_, i) => s3.handle(request('PUT', '/bucket/k', String(i).repeat(1000)))));
  const shown = await text((await s3.open(accountId, 'bucket', 'k')).body);
  const stored = await text((await open(dataDir).open(accountId, 'bucket', 'k')).body);
  assert.equal(shown, stored);
  assert.equal((await readdir(join(dataDir, 's3', 'bucket', 'blobs'))).length, 1);
});

test('addresses: path style and host style', () => {
  const of = (host: string, rawPath: string) => addressOf({ host, rawPath }, ['localhost', 'example.org']);
  assert.deepEqual(of('127.0.0.1:7400', '/b/k/%2F%20'), { bucket: 'b', key: 'k// ' });
  assert.deepEqual(of('localhost:7400', '/b/'), { bucket: 'b', key: undefined });
  assert.deepEqual(of('localhost', '/'), { bucket: undefined, key: undefined });
  assert.deepEqual(of('b.c.localhost:7400', '/k/x'), { bucket: 'b.c', key: 'k/x' });
  assert.deepEqual(of('b.s3.example.org', '/'), { bucket: 'b', key: undefined });
  assert.deepEqual(of('s3.example.org', '/b/k'), { bucket: 'b', key: 'k' });
  assert.throws(() => of('h', '/b/%zz'), /InvalidURI|parse the specified URI/);
});

test('ranges that cannot be read are ignored, ranges beyond the end refused', () => {
  assert.deepEqual(parseRange('bytes=0-', 3), { start: 0, end: 2 });
  for (const ignored of [undefined, 'bytes=-', 'bytes=2-1', 'bytes=0-1,2-2', 'lines=0-1', 'bytes=a-b']) assert.equal(parseRange(ignored, 3), undefined, ignored);
  for (const refused of ['bytes=3-', 'bytes=-0', 'bytes=7-9']) assert.throws(() => parseRange(refused, 3), /not satisfiable/, refused);
  assert.throws(() => parseRange('bytes=-1', 0), /not satisfiable/);
});

test('keys sort as their UTF-8 bytes do', () => {
  const keys = ['', 'a', 'a/', 'ab', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'];
  const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual([...keys].reverse().sort(compareKeys), byBytes);
  assert.deepEqual(['', 'a', 'b', '\u{10ffff}x'].map((key) => lowerBound(byBytes, key)), [0, 1, 4, keys.length]);
});

test('XML escapes and reads back', () => {
  const nasty = `<&>"'\r]]>`;
  assert.deepEqual(xmlTexts(xmlDocument('R', { A: [{ Key: nasty }, { Key: 'b' }], B: undefined, C: true }), 'Key'), [nasty, 'b']);
});
