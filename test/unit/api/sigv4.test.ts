/** Against the examples AWS publishes with their signatures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { canonicalRequest, sha256, stringToSign, type PathStyle } from '../../../src/api/sigv4/canonical.js';
import { ChunkedDecoder } from '../../../src/api/sigv4/chunked.js';
import { readClaim } from '../../../src/api/sigv4/claim.js';
import { AuthFailure } from '../../../src/api/sigv4/failure.js';
import { scopeText, sign, signingKey } from '../../../src/api/sigv4/key.js';
import type { RequestHead } from '../../../src/api/sigv4/request-head.js';
import { checkSignature, precheck } from '../../../src/api/sigv4/verify.js';
import { S3Error } from '../../../src/aws/contracts.js';

const suiteSecret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const s3Secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const empty = sha256('');

function head(method: string, rawPath: string, query: [string, string][], headers: Record<string, string>): RequestHead {
  return { method, rawPath, query, headers: new Map(Object.entries(headers)) };
}

function signatureOf(request: RequestHead, secret: string, service: string, timestamp: string, payload: string, style: PathStyle): string {
  const scope = { date: timestamp.slice(0, 8), region: 'us-east-1', service };
  const canonical = canonicalRequest(request, [...request.headers.keys()].sort(), payload, style);
  return sign(signingKey(secret, scope), stringToSign(timestamp, scopeText(scope), canonical));
}

test('the test suite of AWS: vanilla and unordered query', () => {
  const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' };
  const sign1 = (query: [string, string][]) => signatureOf(head('GET', '/', query, headers), suiteSecret, 'service', '20150830T123600Z', empty, 'generic');
  assert.equal(sign1([]), '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31');
  assert.equal(sign1([['Param2', 'value2'], ['Param1', 'value1']]), 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500');
});

test('S3: a GET with a range', () => {
  const request = head('GET', '/test.txt', [], {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': empty,
    'x-amz-date': '20130524T000000Z',
  });
  assert.equal(signatureOf(request, s3Secret, 's3', '20130524T000000Z', empty, 's3'), 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
});

const presigned = head(
  'GET',
  '/test.txt',
  [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'],
    ['X-Amz-Date', '20130524T000000Z'],
    ['X-Amz-Expires', '86400'],
    ['X-Amz-SignedHeaders', 'host'],
    ['X-Amz-Signature', 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'],
  ],
  { host: 'examplebucket.s3.amazonaws.com' },
);
const s3Key = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: s3Secret, accountId: '123456789012' };

function verifyPresigned(now: number, request = presigned): void {
  const claim = readClaim(request);
  assert.ok(claim);
  const candidate = precheck(claim, request, { findKey: () => s3Key, region: 'us-east-1', now, style: 's3', maxSkewMs: 900_000 });
  checkSignature(candidate, request, 'UNSIGNED-PAYLOAD', 's3');
}

const kind = (expected: string) => (error: unknown) => error instanceof AuthFailure && error.kind === expected;

test('S3: a presigned URL is good for its time and no longer', () => {
  const signed = Date.parse('2013-05-24T00:00:00Z');
  verifyPresigned(signed + 86_400_000);
  assert.throws(() => verifyPresigned(signed + 86_400_001), kind('expired'));
  assert.throws(() => verifyPresigned(signed - 901_000), kind('skewed'));
  assert.throws(() => verifyPresigned(signed, { ...presigned, rawPath: '/test2.txt' }), kind('mismatch'));
});

test('generic services encode the sent path again and normalise it; S3 does neither', () => {
  const line = (rawPath: string, style: PathStyle) => canonicalRequest(head('GET', rawPath, [], {}), [], '', style).split('\n')[1];
  assert.equal(line('/a/arn%3Aaws/b', 'generic'), '/a/arn%253Aaws/b');
  assert.equal(line('/a/arn:aws/b', 'generic'), '/a/arn%3Aaws/b');
  assert.equal(line('/a//./b/../c/', 'generic'), '/a/c/');
  assert.equal(line('/a//b/../c%20d', 's3'), '/a//b/../c%20d');
});

test('an authorization header that lacks a part names the part', () => {
  const unsigned = head('GET', '/', [], { host: 'h', authorization: 'AWS4-HMAC-SHA256 Credential=a/20150830/us-east-1/lambda/aws4_request' });
  assert.throws(() => readClaim(unsigned), /requires 'Signature'.*'SignedHeaders'.*'X-Amz-Date'/);
  assert.throws(() => readClaim(head('GET', '/', [], { authorization: 'Bearer x' })), kind('malformed'));
  assert.equal(readClaim(head('GET', '/', [], {})), undefined);
});

const scope = { date: '20130524', region: 'us-east-1', service: 's3' };
const chunkKey = signingKey(s3Secret, scope);
const bytes = Buffer.alloc(66_560, 'a');

function signedBody(signatures: readonly string[], tail: string): Buffer {
  const [first = '', second = '', last = ''] = signatures;
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${first}\r\n`), bytes.subarray(0, 65_536), Buffer.from('\r\n'),
    Buffer.from(`400;chunk-signature=${second}\r\n`), bytes.subarray(65_536), Buffer.from('\r\n'),
    Buffer.from(`0;chunk-signature=${last}\r\n${tail}\r\n`),
  ]);
}

/** In pieces of 1,000 bytes, so that every boundary falls inside something. */
async function decode(decoder: ChunkedDecoder, body: Buffer): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(body.length / 1000) }, (_, i) => body.subarray(i * 1000, (i + 1) * 1000));
  return buffer(Readable.from(pieces).on('error', (error) => decoder.destroy(error)).pipe(decoder));
}

const plainSignatures = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
];

function plainDecoder(decodedLength = bytes.length): ChunkedDecoder {
  const signing = { key: chunkKey, seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9', timestamp: '20130524T000000Z', scope: scopeText(scope) };
  return new ChunkedDecoder({ signing, trailers: false, decodedLength, into: new Map() });
}

const s3Code = (code: string) => (error: unknown) => error instanceof S3Error && error.code === code;

test('signed chunks: the published example, and a changed byte, order, length', async () => {
  const body = signedBody(plainSignatures, '');
  assert.ok((await decode(plainDecoder(), body)).equals(bytes));
  const changed = Buffer.from(body);
  changed[5000] = 0x62;
  await assert.rejects(decode(plainDecoder(), changed), s3Code('SignatureDoesNotMatch'));
  await assert.rejects(decode(plainDecoder(), signedBody([...plainSignatures].reverse(), '')), s3Code('SignatureDoesNotMatch'));
  await assert.rejects(decode(plainDecoder(), body.subarray(0, 60_000)), s3Code('IncompleteBody'));
  await assert.rejects(decode(plainDecoder(bytes.length - 1), body), s3Code('IncompleteBody'));
  await assert.rejects(decode(plainDecoder(), Buffer.concat([body, Buffer.from('x')])), s3Code('InvalidRequest'));
});

function trailerDecoder(into: Map<string, string>): ChunkedDecoder {
  const signing = { key: chunkKey, seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e', timestamp: '20130524T000000Z', scope: scopeText(scope) };
  return new ChunkedDecoder({ signing, trailers: true, decodedLength: bytes.length, into });
}

const trailerSignatures = [
  'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
  '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
  '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
];
const trailerSignature = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435';

test('signed trailer: the published example, in both framings; a changed trailer', async () => {
  for (const lineEnd of ['\r\n', '\n\r\n']) {
    const into = new Map<string, string>();
    const tail = `x-amz-checksum-crc32c:sOO8/Q==${lineEnd}x-amz-trailer-signature:${trailerSignature}\r\n`;
    assert.ok((await decode(trailerDecoder(into), signedBody(trailerSignatures, tail))).equals(bytes));
    assert.equal(into.get('x-amz-checksum-crc32c'), 'sOO8/Q==');
  }
  const forged = `x-amz-checksum-crc32c:sOO8/A==\r\nx-amz-trailer-signature:${trailerSignature}\r\n`;
  await assert.rejects(decode(trailerDecoder(new Map()), signedBody(trailerSignatures, forged)), s3Code('SignatureDoesNotMatch'));
  await assert.rejects(decode(trailerDecoder(new Map()), signedBody(trailerSignatures, 'x-amz-checksum-crc32c:sOO8/Q==\r\n')), s3Code('IncompleteBody'));
});

test('unsigned chunks with a trailer; nonsense is refused', async () => {
  const into = new Map<string, string>();
  const decoder = () => new ChunkedDecoder({ trailers: true, decodedLength: 5, into });
  assert.equal(String(await decode(decoder(), Buffer.from('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n'))), 'hello');
  assert.equal(into.get('x-amz-checksum-crc32'), 'NhCmhg==');
  for (const body of ['hello', 'zz\r\nhello', '5\nhello\r\n0\r\n\r\n', '5\r\nhelloo\r\n0\r\n\r\n', `${'1'.repeat(9000)}\r\n`]) {
    await assert.rejects(decode(decoder(), Buffer.from(body)), S3Error, body);
  }
});
