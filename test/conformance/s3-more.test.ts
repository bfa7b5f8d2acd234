/** Copies, lists of the older form, deletes of many, and uploads under way, through the unmodified SDK. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import {
  AbortMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand,
  ListMultipartUploadsCommand, ListObjectsCommand, ListObjectsV2Command, ListPartsCommand, PutObjectCommand, S3Client, S3ServiceException, UploadPartCommand,
} from '@aws-sdk/client-s3';
import { signRequest } from '../../src/api/sigv4/sign.js';
import { key, otherKey, region, startHarness, type Harness } from './harness.js';

let api: Harness;
let s3: S3Client;
const Bucket = 'more';

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
const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/x', Metadata: { a: 'b' } }));
const text = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

test('ListObjects pages by marker, and by common prefix', async () => {
  for (const Key of ['v1/a', 'v1/b/1', 'v1/b/2', 'v1/c', 'v1/d &<é>']) await put(Key, 'x');
  const seen: (string | undefined)[] = [];
  let Marker: string | undefined;
  do {
    const page = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'v1/', MaxKeys: 2, Marker }));
    assert.deepEqual([page.Name, page.Prefix, page.MaxKeys, page.NextMarker], [Bucket, 'v1/', 2, undefined]);
    seen.push(...(page.Contents ?? []).map((entry) => entry.Key));
    Marker = page.IsTruncated === true ? page.Contents?.at(-1)?.Key : undefined;
  } while (Marker !== undefined);
  assert.deepEqual(seen, ['v1/a', 'v1/b/1', 'v1/b/2', 'v1/c', 'v1/d &<é>']);
  const first = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'v1/', Delimiter: '/', MaxKeys: 2 }));
  assert.deepEqual([first.Contents?.map((entry) => entry.Key), first.CommonPrefixes?.map((entry) => entry.Prefix), first.NextMarker], [['v1/a'], ['v1/b/'], 'v1/b/']);
  const second = await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'v1/', Delimiter: '/', Marker: first.NextMarker }));
  assert.deepEqual([second.Contents?.map((entry) => entry.Key), second.IsTruncated], [['v1/c', 'v1/d &<é>'], false]);
});

test('CopyObject takes bytes and metadata, or the metadata given', async () => {
  await put('source é+ &.txt', 'bytes to copy');
  const CopySource = `${Bucket}/${encodeURIComponent('source é+ &.txt')}`;
  const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }));
  assert.equal(copied.CopyObjectResult?.ETag, `"${createHash('md5').update('bytes to copy').digest('hex')}"`);
  assert.equal(await text('copy'), 'bytes to copy');
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }));
  assert.deepEqual([head.ContentType, head.Metadata], ['text/x', { a: 'b' }]);
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `/${Bucket}/copy`, MetadataDirective: 'REPLACE', ContentType: 'text/y', Metadata: { c: 'd' } }));
  const again = await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }));
  assert.deepEqual([again.ContentType, again.Metadata, again.ContentLength], ['text/y', { c: 'd' }, 13]);
  const copy = (input: { CopySource: string; Key?: string; CopySourceIfMatch?: string; CopySourceIfNoneMatch?: string }) => s3.send(new CopyObjectCommand({ Bucket, Key: 'refused', ...input }));
  await assert.rejects(copy({ Key: 'copy', CopySource: `${Bucket}/copy` }), fails('InvalidRequest', 400));
  await assert.rejects(copy({ CopySource: `${Bucket}/none` }), fails('NoSuchKey', 404));
  await assert.rejects(copy({ CopySource: 'nowhere/none' }), fails('NoSuchBucket', 404));
  for (const bad of ['justone', `${Bucket}/`, '%E0%A4%A']) await assert.rejects(copy({ CopySource: bad }), fails('InvalidArgument', 400), bad);
  await assert.rejects(copy({ CopySource, CopySourceIfMatch: '"other"' }), fails('PreconditionFailed', 412));
  await assert.rejects(copy({ CopySource, CopySourceIfNoneMatch: '*' }), fails('PreconditionFailed', 412));
  const stranger = new S3Client({ endpoint: api.url, region, credentials: otherKey, forcePathStyle: true, maxAttempts: 1 });
  await stranger.send(new CreateBucketCommand({ Bucket: 'strange' }));
  await assert.rejects(stranger.send(new CopyObjectCommand({ Bucket: 'strange', Key: 'stolen', CopySource })), fails('AccessDenied', 403));
  stranger.destroy();
});

test('DeleteObjects deletes many, also what is not there', async () => {
  const keys = ['del/a', 'del/b & <c>', 'del/ü'];
  for (const Key of keys) await put(Key, 'x');
  const result = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, 'del/none'].map((Key) => ({ Key })) } }));
  assert.deepEqual(result.Deleted?.map((entry) => entry.Key), [...keys, 'del/none']);
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'del/' }))).KeyCount, 0);
  await put('del/a', 'x');
  assert.deepEqual((await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Quiet: true, Objects: [{ Key: 'del/a' }] } }))).Deleted ?? [], []);
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'del/' }))).KeyCount, 0);
  await assert.rejects(s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [] } })), fails('MalformedXML', 400));
  await assert.rejects(s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: Array.from({ length: 1001 }, (_, i) => ({ Key: `k${i}` })) } })), fails('MalformedXML', 400));
  await assert.rejects(s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a', VersionId: 'v' }] } })), fails('NotImplemented', 501));
});

test('DeleteObjects without a digest, or with a wrong one, deletes nothing', async () => {
  await put('kept', 'x');
  const body = '<Delete><Object><Key>kept</Key></Object></Delete>';
  const md5 = createHash('md5').update(body).digest('base64');
  assert.deepEqual(await post(body, {}), [400, 'InvalidRequest']);
  assert.deepEqual(await post(body, { 'content-md5': createHash('md5').update('else').digest('base64') }), [400, 'BadDigest']);
  assert.equal(await text('kept'), 'x');
  assert.deepEqual(await post(body, { 'content-md5': md5 }), [200, undefined]);
  await assert.rejects(text('kept'), fails('NoSuchKey', 404));
});

async function post(body: string, headers: Record<string, string>): Promise<[number | undefined, string | undefined]> {
  const url = new URL(`${api.url}/${Bucket}?delete=`);
  const signed = signRequest({ method: 'POST', url, headers, payloadHash: createHash('sha256').update(body).digest('hex') }, key, { region, service: 's3' }, Date.now());
  return new Promise((resolve, reject) => {
    httpRequest(url, { method: 'POST', headers: { ...signed, 'content-length': Buffer.byteLength(body) } }, (response) => {
      let answer = '';
      response.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      response.on('end', () => resolve([response.statusCode, /<Code>(\w+)/.exec(answer)?.[1]]));
    }).once('error', reject).end(body);
  });
}

test('uploads under way and their parts are listed by page', async () => {
  const ids: (string | undefined)[] = [];
  for (const Key of ['up/a', 'up/b', 'up/b', 'other']) ids.push((await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId);
  const seen: (string | undefined)[] = [];
  let markers: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'up/', MaxUploads: 2, ...markers }));
    seen.push(...(page.Uploads ?? []).map((upload) => upload.UploadId));
    if (page.IsTruncated !== true) break;
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  assert.deepEqual(new Set(seen), new Set(ids.slice(0, 3)));
  assert.equal(seen.length, 3);
  const upload = { Bucket, Key: 'up/a', UploadId: ids[0] };
  for (const PartNumber of [10, 2, 1]) await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: 'p'.repeat(PartNumber) }));
  const first = await s3.send(new ListPartsCommand({ ...upload, MaxParts: 2 }));
  assert.deepEqual([first.Parts?.map((part) => [part.PartNumber, part.Size]), first.IsTruncated, first.NextPartNumberMarker], [[[1, 1], [2, 2]], true, '2']);
  const second = await s3.send(new ListPartsCommand({ ...upload, PartNumberMarker: first.NextPartNumberMarker }));
  assert.deepEqual([second.Parts?.map((part) => [part.PartNumber, part.ETag]), second.IsTruncated], [[[10, `"${createHash('md5').update('p'.repeat(10)).digest('hex')}"`]], false]);
  await s3.send(new AbortMultipartUploadCommand(upload));
  await assert.rejects(s3.send(new ListPartsCommand(upload)), fails('NoSuchUpload', 404));
});
