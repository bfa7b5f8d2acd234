/** Our own S3 server plays the external one, behind its real signature checks. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { signRequest } from '../../../src/api/sigv4/sign.js';
import { ObjectError, type ObjectReader } from '../../../src/aws/contracts.js';
import { createExternalReader } from '../../../src/aws/external-s3.js';
import { key, otherKey, region, startHarness, type Harness } from '../../conformance/harness.js';

let api: Harness;
before(async () => {
  api = await startHarness();
  const s3 = new S3Client({ endpoint: api.url, region, credentials: key, forcePathStyle: true, maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket: 'artifacts' }));
  for (const Key of ["folder/app é+ (1)'!.zip", 'plain']) await s3.send(new PutObjectCommand({ Bucket: 'artifacts', Key, Body: `bytes of ${Key}` }));
  s3.destroy();
});
after(() => api.close());

function reader(credentials: { accessKeyId: string; secretAccessKey: string } = key, endpoint = api.url): ObjectReader {
  const sign = (url: URL) => signRequest({ method: 'GET', url, headers: {}, payloadHash: 'UNSIGNED-PAYLOAD' }, credentials, { region, service: 's3' }, Date.now());
  return createExternalReader({ endpoint, sign, idleMs: 500 });
}

test('reads objects, whatever their key', async () => {
  for (const name of ["folder/app é+ (1)'!.zip", 'plain']) {
    const { size, body } = await reader().open('000000000000', 'artifacts', name);
    assert.deepEqual([size, await text(body)], [Buffer.byteLength(`bytes of ${name}`), `bytes of ${name}`]);
  }
});

test('says what S3 says', async () => {
  const fails = (code: string) => (error: unknown) => error instanceof ObjectError && error.code === code;
  await assert.rejects(reader().open('0', 'artifacts', 'none'), fails('NoSuchKey'));
  await assert.rejects(reader().open('0', 'nowhere', 'none'), fails('NoSuchBucket'));
  await assert.rejects(reader(otherKey).open('0', 'artifacts', 'plain'), fails('AccessDenied'));
  await assert.rejects(reader().open('0', 'artifacts', 'a/../plain'), fails('NoSuchKey'));
});

test('what is not about the object names the endpoint and not the secret', async () => {
  const wrong = { ...key, secretAccessKey: 'not-the-secret-not-the-secret' };
  await assert.rejects(reader(wrong).open('0', 'artifacts', 'plain'), (error: unknown) => error instanceof Error && !(error instanceof ObjectError) && /403 SignatureDoesNotMatch.*TARDIGRADE_S3_ENDPOINT/.test(error.message) && !error.message.includes(wrong.secretAccessKey));
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await assert.rejects(reader(key, endpoint).open('0', 'artifacts', 'plain'), /no answer from http:/);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  await assert.rejects(reader(key, endpoint).open('0', 'artifacts', 'plain'), /cannot read from http:.*ECONNREFUSED/);
});
