/** The S3 subset through the unmodified SDK with its default settings (trailing CRC32 checksums), over real HTTP. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { Readable } from 'node:stream';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketCommand,
  DeleteObjectCommand, GetBucketLocationCommand, GetObjectCommand, HeadBucketCommand, HeadObjectCommand, ListBucketsCommand,
  ListObjectsV2Command, PutBucketPolicyCommand, PutObjectCommand, S3Client, S3ServiceException, UploadPartCommand, type ChecksumAlgorithm, type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { canonicalRequest, stringToSign } from '../../src/api/sigv4/canonical.js';
import { scopeText, sign, signingKey } from '../../src/api/sigv4/key.js';
import { key, otherKey, region, startHarness, type Harness } from './harness.js';

let api: Harness;
let s3: S3Client;
const Bucket = 'artifacts';

before(async () => {
  api = await startHarness();
  s3 = new S3Client({ endpoint: api.url, region, credentials: key, forcePathStyle: true, maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(async () => {
  s3.destroy();
  await api.close();
});

const fails = (code: string, status: number) => (error: unknown) => {
  assert.ok(error instanceof S3ServiceException, String(error));
  assert.deepEqual([error.name, error.$metadata.httpStatusCode], [code, status]);
  return true;
};

const put = (Key: string, Body: string | Readable, more: Partial<PutObjectCommandInput> = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));

async function read(Key: string, Range?: string): Promise<string> {
  const got = await s3.send(new GetObjectCommand({ Bucket, Key, Range }));
  return (await got.Body?.transformToString('latin1')) ?? '';
}

test('buckets: create, list, head, location, delete, and what is refused', async () => {
  const found = await s3.send(new ListBucketsCommand({}));
  assert.deepEqual(found.Buckets?.map((bucket) => bucket.Name), [Bucket]);
  assert.equal((await s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion, region);
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, undefined);
  await assert.rejects(s3.send(new CreateBucketCommand({ Bucket })), fails('BucketAlreadyOwnedByYou', 409));
  for (const bad of ['ab', 'Upper', 'a..b', '-ab', '192.168.1.1', 'a_b']) await assert.rejects(s3.send(new CreateBucketCommand({ Bucket: bad })), fails('InvalidBucketName', 400), bad);
  await assert.rejects(s3.send(new HeadBucketCommand({ Bucket: 'missing' })), fails('NotFound', 404));
  await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket: 'missing' })), fails('NoSuchBucket', 404));
  await s3.send(new CreateBucketCommand({ Bucket: 'short-lived' }));
  await s3.send(new PutObjectCommand({ Bucket: 'short-lived', Key: 'k', Body: '1' }));
  await assert.rejects(s3.send(new DeleteBucketCommand({ Bucket: 'short-lived' })), fails('BucketNotEmpty', 409));
  await s3.send(new DeleteObjectCommand({ Bucket: 'short-lived', Key: 'k' }));
  await s3.send(new DeleteBucketCommand({ Bucket: 'short-lived' }));
  await assert.rejects(s3.send(new PutObjectCommand({ Bucket: 'short-lived', Key: 'k', Body: '1' })), fails('NoSuchBucket', 404));
  await assert.rejects(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: '{}' })), fails('NotImplemented', 501));
});

test('a bucket belongs to its account', async () => {
  const stranger = new S3Client({ endpoint: api.url, region, credentials: otherKey, forcePathStyle: true, maxAttempts: 1 });
  await assert.rejects(stranger.send(new GetObjectCommand({ Bucket, Key: 'x' })), fails('AccessDenied', 403));
  await assert.rejects(stranger.send(new CreateBucketCommand({ Bucket })), fails('BucketAlreadyExists', 409));
  assert.deepEqual((await stranger.send(new ListBucketsCommand({}))).Buckets ?? [], []);
  stranger.destroy();
});

test('objects: bytes, metadata, ETag, headers; keys of every kind stay inside the bucket', async () => {
  const keys = ['plain.txt', 'a/b c+d%20ü🦀.zip', '../../etc/passwd', './x', 'a//b', 'trailing/', "quote'\"<>&", '.', '..', 'x'.repeat(1024)];
  for (const Key of keys) {
    await put(Key, `bytes of ${Key}`, { ContentType: 'text/x', CacheControl: 'no-store', Metadata: { one: 'two' } });
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    assert.equal(await got.Body?.transformToString(), `bytes of ${Key}`);
    assert.deepEqual([got.ContentType, got.CacheControl, got.Metadata, got.ETag], ['text/x', 'no-store', { one: 'two' }, `"${createHash('md5').update(`bytes of ${Key}`).digest('hex')}"`]);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    assert.equal(head.ContentLength, Buffer.byteLength(`bytes of ${Key}`));
  }
  const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert.deepEqual(listed.Contents?.map((item) => item.Key).sort(), [...keys].sort());
  await assert.rejects(put('x'.repeat(1025), ''), fails('KeyTooLongError', 400));
  for (const Key of keys) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: keys[0] })); // again: no error
  assert.deepEqual(await readdir(join(api.dataDir, 's3', Bucket, 'blobs')), []);
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: keys[0] })), fails('NoSuchKey', 404));
  await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: keys[0] })), fails('NotFound', 404));
});

test('20 MB streamed in both directions, with the default trailing checksum', async () => {
  const bytes = randomBytes(20 * 1024 * 1024);
  const pieces = Readable.from(Array.from({ length: 320 }, (_, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536)));
  const stored = await put('large', pieces, { ContentLength: bytes.length });
  assert.ok(stored.ChecksumCRC32);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'large' }));
  assert.equal(got.ChecksumCRC32, stored.ChecksumCRC32);
  assert.ok(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes));
});

test('checksums of every algorithm are verified, wherever they come', async () => {
  for (const ChecksumAlgorithm of ['CRC32', 'SHA1', 'SHA256'] satisfies ChecksumAlgorithm[]) {
    const stored = await put('sum', Readable.from([Buffer.from('hello')]), { ChecksumAlgorithm, ContentLength: 5 });
    assert.ok(stored[`Checksum${ChecksumAlgorithm}`], ChecksumAlgorithm);
  }
  await assert.rejects(put('sum', 'hello', { ChecksumSHA256: 'AAAA' }), fails('BadDigest', 400));
  await assert.rejects(put('sum', 'hello', { ContentMD5: createHash('md5').update('other').digest('base64') }), fails('BadDigest', 400));
  await assert.rejects(put('sum', 'hello', { ContentMD5: 'x' }), fails('InvalidDigest', 400));
  assert.equal((await put('sum', 'hello', { ChecksumCRC32C: 'mnG7TA==' })).ChecksumCRC32C, 'mnG7TA==');
  assert.equal(await read('sum'), 'hello');
});

test('ranges and conditions', async () => {
  const { ETag } = await put('ten', '0123456789');
  assert.equal(await read('ten', 'bytes=2-4'), '234');
  assert.equal(await read('ten', 'bytes=8-'), '89');
  assert.equal(await read('ten', 'bytes=-3'), '789');
  assert.equal(await read('ten', 'bytes=5-99'), '56789');
  const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'ten', Range: 'bytes=0-0' }));
  assert.deepEqual([part.$metadata.httpStatusCode, part.ContentRange, part.ContentLength], [206, 'bytes 0-0/10', 1]);
  await part.Body?.transformToString();
  await assert.rejects(read('ten', 'bytes=10-'), fails('InvalidRange', 416));
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'ten', IfMatch: '"x"' })), fails('PreconditionFailed', 412));
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'ten', IfNoneMatch: ETag })), (error: unknown) => (error as S3ServiceException).$metadata.httpStatusCode === 304);
  await assert.rejects(put('ten', 'new', { IfNoneMatch: '*' }), fails('PreconditionFailed', 412));
  assert.equal(await read('ten'), '0123456789');
  await put('empty', '');
  assert.equal(await read('empty'), '');
});

test('listing: prefix, delimiter, pages, start-after, order of bytes', async () => {
  const listing = 'listing';
  await s3.send(new CreateBucketCommand({ Bucket: listing }));
  const keys = ['a', 'b/1', 'b/2', 'b/c/3', 'd', 'e/4', 'z\u{1f980}', 'z\uffff'];
  for (const Key of [...keys].reverse()) await s3.send(new PutObjectCommand({ Bucket: listing, Key, Body: '' }));
  const all = await s3.send(new ListObjectsV2Command({ Bucket: listing }));
  assert.deepEqual(all.Contents?.map((item) => item.Key), [...keys.slice(0, 6), 'z\uffff', 'z\u{1f980}']);

  const seen: (string | undefined)[] = [];
  let ContinuationToken: string | undefined;
  let pages = 0;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: listing, Delimiter: '/', MaxKeys: 2, ContinuationToken }));
    const entries = [...(page.Contents ?? []).map((item) => item.Key), ...(page.CommonPrefixes ?? []).map((item) => item.Prefix)];
    assert.equal(page.KeyCount, entries.length);
    seen.push(...entries);
    ContinuationToken = page.NextContinuationToken;
    assert.equal(page.IsTruncated, ContinuationToken !== undefined);
    pages += 1;
  } while (ContinuationToken);
  assert.deepEqual([seen.sort(), pages], [['a', 'b/', 'd', 'e/', 'z\u{1f980}', 'z\uffff'].sort(), 3]);

  const under = await s3.send(new ListObjectsV2Command({ Bucket: listing, Prefix: 'b/', Delimiter: '/' }));
  assert.deepEqual([under.Contents?.map((item) => item.Key), under.CommonPrefixes], [['b/1', 'b/2'], [{ Prefix: 'b/c/' }]]);
  const later = await s3.send(new ListObjectsV2Command({ Bucket: listing, StartAfter: 'b/2', EncodingType: 'url' }));
  assert.deepEqual(later.Contents?.slice(0, 2).map((item) => item.Key), ['b/c/3', 'd']);
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket: listing, MaxKeys: 0 }))).IsTruncated, false);
  await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket: listing, ContinuationToken: '!' })), fails('InvalidArgument', 400));
});

test('multipart: parts in any order become one object; wrong lists are refused; abort leaves nothing', async () => {
  const Key = 'joined';
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'x/y' }));
  const bodies = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('the end')];
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const PartNumber of [2, 1]) {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: bodies[PartNumber - 1] ?? '' }));
    parts.unshift({ PartNumber, ETag });
  }
  const complete = (Parts: typeof parts) => s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  await assert.rejects(complete([...parts].reverse()), fails('InvalidPartOrder', 400));
  await assert.rejects(complete([{ PartNumber: 1, ETag: '"0"' }]), fails('InvalidPart', 400));
  await assert.rejects(complete([]), fails('MalformedXML', 400));
  const done = await complete(parts);
  assert.match(done.ETag ?? '', /^"[0-9a-f]{32}-2"$/);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
  assert.equal(got.ContentType, 'x/y');
  assert.ok(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Buffer.concat(bodies)));
  await assert.rejects(complete(parts), fails('NoSuchUpload', 404));

  const second = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'gone' }));
  await s3.send(new UploadPartCommand({ Bucket, Key: 'gone', UploadId: second.UploadId, PartNumber: 1, Body: 'x' }));
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'gone', UploadId: second.UploadId }));
  assert.deepEqual(await readdir(join(api.dataDir, 's3', Bucket, 'uploads')), []);
  await assert.rejects(s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'gone', UploadId: '../../..' })), fails('NoSuchUpload', 404));
});

test('virtual-host style addresses the same object', async () => {
  await put('host-style', 'same');
  const byHost = new S3Client({
    endpoint: `http://localhost:${api.port}`,
    region,
    credentials: key,
    maxAttempts: 1,
    requestHandler: { httpAgent: { lookup: (_name: string, options: { all?: boolean }, done: (error: null, address: unknown, family?: number) => void) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) } },
  });
  const got = await byHost.send(new GetObjectCommand({ Bucket, Key: 'host-style' }));
  assert.equal(await got.Body?.transformToString(), 'same');
  byHost.destroy();
});

test('keys, clock and region are refused in S3\'s words', async () => {
  const with_ = (credentials: typeof key, more = {}) => new S3Client({ endpoint: api.url, region, credentials, forcePathStyle: true, maxAttempts: 1, ...more }).send(new GetObjectCommand({ Bucket, Key: 'x' }));
  await assert.rejects(with_({ ...key, secretAccessKey: 'x' }), fails('SignatureDoesNotMatch', 403));
  await assert.rejects(with_({ ...key, accessKeyId: 'TDGKNOBODYNOBODYNOBO' }), fails('InvalidAccessKeyId', 403));
  await assert.rejects(with_(key, { region: 'eu-west-1' }), fails('AuthorizationHeaderMalformed', 400));
  api.clockOffsetMs = 16 * 60_000;
  await assert.rejects(with_(key), fails('RequestTimeTooSkewed', 403));
  api.clockOffsetMs = 0;
});

/** Node's own client and our signer, for requests no SDK makes. `payload` is what x-amz-content-sha256 says. */
function raw(method: string, path: string, payload: string | undefined, body: string): Promise<{ status: number | undefined; text: string }> {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { date: timestamp.slice(0, 8), region, service: 's3' };
  const host = `127.0.0.1:${api.port}`;
  const presigned = payload === undefined;
  const headers: Record<string, string> = presigned ? { host } : { host, 'x-amz-content-sha256': payload, 'x-amz-date': timestamp };
  const credential = `${key.accessKeyId}/${scopeText(scope)}`;
  const names = Object.keys(headers).sort();
  const query: [string, string][] = presigned
    ? [['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'], ['X-Amz-Credential', credential], ['X-Amz-Date', timestamp], ['X-Amz-Expires', '60'], ['X-Amz-SignedHeaders', 'host']]
    : [];
  const canonical = canonicalRequest({ method, rawPath: path, query, headers: new Map(Object.entries(headers)) }, names, payload ?? 'UNSIGNED-PAYLOAD', 's3');
  const signature = sign(signingKey(key.secretAccessKey, scope), stringToSign(timestamp, scopeText(scope), canonical));
  if (presigned) query.push(['X-Amz-Signature', signature]);
  else headers['authorization'] = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: api.port, method, path: `${path}?${search}`, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('presigned PUT and GET', async () => {
  assert.equal((await raw('PUT', `/${Bucket}/presigned`, undefined, 'by link')).status, 200);
  assert.deepEqual(await raw('GET', `/${Bucket}/presigned`, undefined, ''), { status: 200, text: 'by link' });
});

test('bodies that are not what was promised store nothing, and the server lives on', async () => {
  const wrongHash = createHash('sha256').update('other').digest('hex');
  assert.match((await raw('PUT', `/${Bucket}/never`, wrongHash, 'body')).text, /XAmzContentSHA256Mismatch/);
  assert.match((await raw('DELETE', `/${Bucket}/never`, wrongHash, 'body')).text, /^$/); // its body is not read
  assert.match((await raw('PUT', `/${Bucket}/never`, 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'body')).text, /MissingContentLength/);
  assert.match((await raw('PUT', `/${Bucket}/never`, 'nonsense', 'body')).text, /InvalidArgument/);
  assert.match((await raw('PUT', `/no-such-bucket/never`, 'UNSIGNED-PAYLOAD', 'x'.repeat(3_000_000))).text, /NoSuchBucket/);
  await assert.rejects(read('never'), fails('NoSuchKey', 404));
});
