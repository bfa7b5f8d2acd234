import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { extract } from 'tar-stream';
import { ZipFile } from 'yazl';
import { ObjectError, type ObjectErrorCode } from '../../../src/aws/contracts.js';
import { fetchArchive, parseS3Uri } from '../../../src/images/artifact/fetch.js';
import { ARCHIVE_LIMITS, type ArchiveLimits } from '../../../src/images/artifact/limits.js';
import { archiveAsTar } from '../../../src/images/artifact/tar.js';
import { verifyArchive } from '../../../src/images/artifact/verify.js';
import { BuildFailure } from '../../../src/images/failure.js';
import { rawZip, type RawEntry } from './support/raw-zip.js';
import { scratch } from './support/scratch.js';

const dockerfile: RawEntry = { name: 'Dockerfile', data: 'FROM scratch\n' };
const never = new AbortController().signal;

async function verify(t: TestContext, zip: Buffer, limits: Partial<ArchiveLimits> = {}): Promise<unknown> {
  const path = join(await scratch(t), 'code.zip');
  await writeFile(path, zip);
  return verifyArchive(path, { ...ARCHIVE_LIMITS, ...limits }, never).then((summary) => summary, (error: unknown) => error);
}

function assertRefused(result: unknown, code: string, text: RegExp): void {
  assert.ok(result instanceof BuildFailure, `expected a refusal, got ${JSON.stringify(result)} ${String(result)}`);
  assert.equal(result.code, code);
  assert.match(result.message, text);
}

async function yazlZip(fill: (zip: ZipFile) => void): Promise<Buffer> {
  const zip = new ZipFile();
  fill(zip);
  zip.end();
  return buffer(zip.outputStream);
}

const link = 0o120777;
const refusals: readonly (readonly [string, RawEntry, RegExp])[] = [
  ['an absolute name', { name: '/etc/passwd' }, /"\/etc\/passwd".*start with "\/"/],
  ['a climbing name', { name: 'a/../../b' }, /"a\/\.\.\/\.\.\/b".*"\.\."/],
  ['a bare ..', { name: '..' }, /"\.\."/],
  ['a backslash', { name: 'a\\b' }, /backslash/],
  ['a drive letter', { name: 'C:evil' }, /drive letter/],
  ['a NUL', { name: 'a\0b' }, /NUL/],
  ['a component too long', { name: 'x'.repeat(256) }, /at most 255 bytes/],
  ['a path too long', { name: 'abc/'.repeat(1100) + 'x' }, /shorter than 4096/],
  ['a symbolic link', { name: 'link', data: '/etc', mode: link }, /symbolic links/],
  ['a device', { name: 'null', mode: 0o020666 }, /devices/],
  ['a pipe', { name: 'pipe', mode: 0o010666 }, /pipes/],
  ['a file that says folder', { name: 'a', mode: 0o040755 }, /disagree/],
  ['a folder with content', { name: 'a/', data: 'x' }, /must not have content/],
  ['a nameless file', { name: '' }, /must have a name/],
  ['an encrypted entry', { name: 'secret', data: 'x'.repeat(12), size: 0, flags: 1 }, /encrypted/],
  ['an unknown compression', { name: 'a', data: 'x', method: 12 }, /compression method 12/],
  ['a duplicate', { name: 'Dockerfile' }, /"Dockerfile".*more than one entry/],
  ['a duplicate by another spelling', { name: './Dockerfile' }, /more than one entry/],
  ['a file used as a folder', { name: 'Dockerfile/x' }, /"Dockerfile".*uses it as a folder/],
  ['a wrong CRC', { name: 'a', data: 'hello', crc: 1 }, /"a".*CRC-32/],
  ['a wrong CRC when deflated', { name: 'a', data: 'hello', deflate: true, crc: 1 }, /"a".*CRC-32/],
  ['damaged deflate data', { name: 'a', data: Buffer.from([0xff, 0xff, 0xff]), method: 8, size: 100 }, /"a".*damaged/],
  ['more data than declared', { name: 'a', data: 'x'.repeat(100_000), deflate: true, size: 10 }, /"a".*too many bytes/],
  ['less data than declared', { name: 'a', data: 'x'.repeat(10), deflate: true, size: 100_000 }, /"a".*not enough bytes/],
  ['stored sizes that disagree', { name: 'a', data: 'abc', size: 4 }, /mismatch/],
];
for (const [what, entry, text] of refusals) {
  test(`refuses ${what}`, async (t) => assertRefused(await verify(t, rawZip([dockerfile, entry])), 'ARCHIVE_INVALID', text));
}

test('a file between a file and its child in byte order does not hide the clash', async (t) => {
  assertRefused(await verify(t, rawZip([dockerfile, { name: 'a' }, { name: 'a-b' }, { name: 'a/b' }])), 'ARCHIVE_INVALID', /"a".*"a\/b"/);
});

test('names that differ in case only are different files', async (t) => {
  assert.deepEqual(await verify(t, rawZip([dockerfile, { name: 'dockerfile' }])), { entries: 2, totalBytes: 13 });
});

test('refuses a zip without a Dockerfile at its root', async (t) => {
  for (const entries of [[], [{ name: 'app/Dockerfile' }], [{ name: 'dockerfile' }], [{ name: 'Dockerfile/' }]]) {
    assertRefused(await verify(t, rawZip(entries)), 'ARCHIVE_DOCKERFILE_NOT_FOUND', /"Dockerfile" at its root/);
  }
});

test('refuses what is no zip', async (t) => {
  for (const bytes of ['', 'hello', 'PK', '\0'.repeat(1000)]) {
    assertRefused(await verify(t, Buffer.from(bytes)), 'ARCHIVE_INVALID', /not a readable zip/);
  }
});

test('limits: entries, names, total size, ratio, overlap', async (t) => {
  const three = [dockerfile, { name: 'a', data: 'x'.repeat(1000), deflate: true }, { name: 'b' }];
  assertRefused(await verify(t, rawZip(three), { maxEntries: 2 }), 'ARCHIVE_INVALID', /3 entries; at most 2/);
  assertRefused(await verify(t, rawZip(three), { maxNameBytes: 10 }), 'ARCHIVE_INVALID', /"a".*names are longer than 10/);
  assertRefused(await verify(t, rawZip(three), { maxTotalBytes: 1000 }), 'ARCHIVE_INVALID', /"a".*more than 1000 bytes/);
  assertRefused(await verify(t, rawZip(three), { ratioFloorBytes: 100, maxRatio: 2 }), 'ARCHIVE_INVALID', /"a".*2 times/);
  assert.deepEqual(await verify(t, rawZip(three), { maxEntries: 3, maxTotalBytes: 1013 }), { entries: 3, totalBytes: 1013 });
  const data = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 251));
  const shared = [dockerfile, { name: 'a', data }, ...['b', 'c'].map((name) => ({ name, data, sharesDataOf: 1 }))];
  assertRefused(await verify(t, rawZip(shared)), 'ARCHIVE_INVALID', /overlaps/);
});

test('refuses a declared size beyond the limit without inflating anything', async (t) => {
  const bomb = rawZip([dockerfile, { name: 'bomb', data: '', deflate: true, size: 0xfffffffe }, { name: 'more', data: '', deflate: true, size: 0xfffffffe }]);
  assertRefused(await verify(t, bomb), 'ARCHIVE_INVALID', /"bomb"/);
});

test('an aborted verification stops', async (t) => {
  const path = join(await scratch(t), 'code.zip');
  await writeFile(path, rawZip([dockerfile]));
  await assert.rejects(verifyArchive(path, ARCHIVE_LIMITS, AbortSignal.abort(new Error('stop'))), /stop/);
});

test('truncated and damaged zips are refused, never a crash or a hang, and no descriptor stays open', async (t) => {
  const good = await yazlZip((zip) => {
    zip.addBuffer(Buffer.from('FROM scratch\n'), 'Dockerfile');
    for (let i = 0; i < 20; i++) zip.addBuffer(Buffer.from(`content ${i} `.repeat(20 * i)), `dir/file-${i}`, { compress: i % 2 === 0 });
  });
  const path = join(await scratch(t), 'code.zip');
  for (let length = 0; length < good.length; length += 100) {
    await writeFile(path, good.subarray(0, length));
    await assert.rejects(verifyArchive(path, ARCHIVE_LIMITS, never), (error) => error instanceof BuildFailure, `cut at ${length}`);
  }
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 400; round++) {
    const bad = Buffer.from(good);
    for (let i = 0; i < 3; i++) bad[random(bad.length)] = random(256);
    await writeFile(path, bad);
    // Flipped times and modes are legal, so some pass; anything thrown must be a refusal.
    await verifyArchive(path, ARCHIVE_LIMITS, never).catch((error: unknown) => assert.ok(error instanceof BuildFailure, String(error)));
  }
  assert.deepEqual(await openOf(path), []);
});

async function openOf(path: string): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, 50)); // yauzl closes in the background
  const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return links.filter((target) => target === path);
}

interface TarEntry { name: string; mode: number; mtime: string; uid: number; type: string; text: string }

async function untar(tar: Readable): Promise<TarEntry[]> {
  const found: TarEntry[] = [];
  for await (const entry of tar.pipe(extract())) {
    const { name, mode, mtime, uid, type } = entry.header;
    found.push({ name, mode, mtime: mtime.toISOString(), uid, type, text: (await buffer(entry)).toString() });
  }
  return found;
}

test('a zip becomes a tar with its names, modes, times and contents, the same each time', async (t) => {
  const path = join(await scratch(t), 'code.zip');
  const long = `deep/${'x'.repeat(120)}/${'y'.repeat(120)}`;
  await writeFile(path, rawZip([
    { name: './' },
    { name: 'Dockerfile', data: 'FROM scratch\n' },
    { name: 'bin/', mode: 0o040700 },
    { name: 'bin/run', data: '#!/bin/sh\n', mode: 0o104755, deflate: true },
    { name: 'empty' },
    { name: long, data: 'z'.repeat(200_000), deflate: true },
  ]));
  const mtime = '2024-05-17T00:00:00.000Z';
  const entry = (name: string, mode: number, text: string, type = 'file'): TarEntry => ({ name, mode, mtime, uid: 0, type, text });
  assert.deepEqual(await untar(archiveAsTar(path)), [
    entry('Dockerfile', 0o644, 'FROM scratch\n'),
    entry('bin/', 0o700, '', 'directory'),
    entry('bin/run', 0o755, '#!/bin/sh\n'),
    entry('empty', 0o644, ''),
    entry(long, 0o644, 'z'.repeat(200_000)),
  ]);
  assert.ok((await buffer(archiveAsTar(path))).equals(await buffer(archiveAsTar(path))));
});

test('a tar stream destroyed half-way releases the zip', async (t) => {
  const path = join(await scratch(t), 'code.zip');
  await writeFile(path, rawZip([dockerfile, { name: 'big', data: Buffer.alloc(3_000_000, 'abc'), deflate: true }]));
  const tar = archiveAsTar(path);
  for await (const chunk of tar) {
    assert.ok((chunk as Buffer).length > 0);
    break;
  }
  assert.equal(tar.destroyed, true);
  assert.deepEqual(await openOf(path), []);
});

test('a tar stream of a damaged zip ends in its error', async (t) => {
  const path = join(await scratch(t), 'code.zip');
  await writeFile(path, rawZip([dockerfile, { name: 'a', data: 'hello', crc: 1 }]));
  await assert.rejects(buffer(archiveAsTar(path)), /CRC-32/);
  await assert.rejects(buffer(archiveAsTar(`${path}.gone`)), /ENOENT/);
});

test('fetch copies the object and maps each S3 error to its code', async (t) => {
  const target = join(await scratch(t), 'code.zip');
  const from = { accountId: '1', bucket: 'bkt', key: 'a/b.zip' };
  const reader = (open: () => { size: number; body: Readable }) => ({ open: () => new Promise<{ size: number; body: Readable }>((resolve) => resolve(open())) });
  const bytes = Buffer.from('0123456789');
  assert.equal(await fetchArchive(reader(() => ({ size: 10, body: Readable.from([bytes]) })), from, target, 10, never), 10);
  assert.deepEqual(await readFile(target), bytes);

  const codes: Record<ObjectErrorCode, string> = {
    NoSuchBucket: 'S3_NO_SUCH_BUCKET', NoSuchKey: 'S3_NO_SUCH_KEY', AccessDenied: 'S3_ACCESS_DENIED', InvalidObjectState: 'S3_INVALID_OBJECT',
  };
  for (const [s3, code] of Object.entries(codes)) {
    const failing = reader(() => { throw new ObjectError(s3 as ObjectErrorCode, 'because'); });
    await assert.rejects(fetchArchive(failing, from, `${target}2`, 10, never), { code, message: /s3:\/\/bkt\/a\/b\.zip.*because/ });
  }

  const declared = createReadStream(target);
  await assert.rejects(fetchArchive(reader(() => ({ size: 11, body: declared })), from, `${target}3`, 10, never), { code: 'ARCHIVE_INVALID', message: /11 bytes/ });
  assert.equal(declared.destroyed, true);
  const lying = reader(() => ({ size: 1, body: Readable.from([bytes, bytes]) }));
  await assert.rejects(fetchArchive(lying, from, `${target}4`, 10, never), { code: 'ARCHIVE_INVALID', message: /20 bytes or more/ });
});

test('only s3://bucket/key is a location', () => {
  assert.deepEqual(parseS3Uri('s3://my-bucket/a/b c.zip'), { bucket: 'my-bucket', key: 'a/b c.zip' });
  for (const uri of ['', 's3://', 's3://bucket', 's3://bucket/', 's3:///key', 'https://bucket/key', 's3://UPPER/key', 's3://a/key', 'S3://bucket/key']) {
    assert.equal(parseS3Uri(uri), undefined, uri);
  }
});
