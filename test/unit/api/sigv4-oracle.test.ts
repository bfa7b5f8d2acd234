/** Against the SDK's own signer, over requests of every form: what it signs we accept, what is changed after we refuse. */
import assert from 'node:assert/strict';
import { createHash, createHmac, type BinaryLike } from 'node:crypto';
import { test } from 'node:test';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { sha256, uriEncode } from '../../../src/api/sigv4/canonical.js';
import { readClaim } from '../../../src/api/sigv4/claim.js';
import { AuthFailure } from '../../../src/api/sigv4/failure.js';
import type { RequestHead } from '../../../src/api/sigv4/request-head.js';
import { checkSignature, precheck } from '../../../src/api/sigv4/verify.js';

const region = 'us-east-1';
const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const plainKey = { accessKeyId: 'TDGKORACLEORACLEORAC', secretAccessKey: 'oracle-secret-oracle-secret-oracle-12345' };

type Bytes = string | ArrayBuffer | ArrayBufferView;

function asBinary(data: Bytes): BinaryLike {
  if (typeof data === 'string') return data;
  return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The hash the signer wants: node's. */
class Sha256 {
  readonly #hash;
  constructor(secret?: Bytes) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', asBinary(secret));
  }
  update(data: Bytes): void {
    this.#hash.update(asBinary(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not used by the signer');
  }
}

interface Sent {
  readonly method: string;
  /** Segments before encoding. */
  readonly segments: readonly string[];
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly sessionToken: string | undefined;
  readonly service: 'lambda' | 's3';
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const segment = text.filter((value) => value !== '.' && value !== '..');
const headerValue = fc.string({ unit: fc.constantFrom(' ', 'a', 'B', '1', ';', '=', ',', '"', '/'), maxLength: 16 }).map((value) => value.trim());

const sent: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'),
  segments: fc.array(segment, { maxLength: 4 }),
  // The signer keeps the query in a plain object, where that one name is no member.
  query: fc.dictionary(text.filter((name) => name !== '__proto__'), fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.array(text, { minLength: 1, maxLength: 3 })), { maxKeys: 4, noNullPrototype: true }),
  headers: fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z]{1,6}$/), headerValue, { maxKeys: 3, noNullPrototype: true }),
  body: fc.string({ unit: 'binary', maxLength: 40 }),
  sessionToken: fc.option(fc.string({ unit: fc.constantFrom('a', 'Z', '/', '+', '='), minLength: 1, maxLength: 20 }), { nil: undefined }),
  service: fc.constantFrom('lambda', 's3'),
});

function signer({ service, sessionToken }: Sent): SignatureV4 {
  return new SignatureV4({
    credentials: { ...plainKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    region,
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
  });
}

function requestOf({ method, segments, query, headers, body }: Sent) {
  const host = 'api.test:7400';
  return {
    method, protocol: 'http:', hostname: 'api.test', port: 7400, query: query as Record<string, string | string[]>, body,
    path: `/${segments.map(uriEncode).join('/')}`,
    headers: { host, 'x-amz-content-sha256': sha256(body), ...headers },
  };
}

/** As the server reads it off the wire. */
function received(request: { method: string; path: string; query?: Record<string, string | string[] | null> | undefined; headers: Record<string, string> }): RequestHead {
  const query = Object.entries(request.query ?? {}).flatMap(([name, value]) => (Array.isArray(value) ? value : [value ?? '']).map((one): [string, string] => [name, one]));
  return { method: request.method, rawPath: request.path, query, headers: new Map(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])) };
}

function verify(head: RequestHead, { service, sessionToken }: Sent, body: string): void {
  const claim = readClaim(head);
  assert.ok(claim);
  const style = service === 's3' ? 's3' : 'generic';
  const key = { ...plainKey, accountId: '123456789012', sessionToken };
  const candidate = precheck(claim, head, { findKey: () => key, region, now, style, maxSkewMs: 300_000 });
  const stated = head.headers.get('x-amz-content-sha256') ?? sha256(body);
  checkSignature(candidate, head, stated, style);
  if (stated !== sha256(body)) throw new AuthFailure('body-mismatch', 'body');
}

const refused = (head: RequestHead, one: Sent, body = one.body) => assert.throws(() => verify(head, one, body), AuthFailure);

test('header signatures: accepted as signed, refused with anything changed', async () => {
  await fc.assert(fc.asyncProperty(sent, async (one) => {
    const signed = await signer(one).sign(requestOf(one), { signingDate: new Date(now) });
    const head = received({ ...signed, query: one.query });
    verify(head, one, one.body);
    refused({ ...head, method: one.method === 'GET' ? 'PUT' : 'GET' }, one);
    refused({ ...head, rawPath: `${head.rawPath}x` }, one);
    refused({ ...head, query: [...head.query, ['added', '1']] }, one);
    refused({ ...head, headers: new Map([...head.headers, ['x-amz-meta-added', '1']]) }, one);
    refused(head, one, `${one.body}x`);
    refused(head, { ...one, sessionToken: `${one.sessionToken ?? ''}x` });
    if (one.sessionToken !== undefined) refused(head, { ...one, sessionToken: undefined });
  }), { numRuns: 300 });
});

test('presigned URLs of both services: accepted until they expire, refused with anything changed', async () => {
  await fc.assert(fc.asyncProperty(sent, async (given) => {
    const one: Sent = { ...given, headers: {}, body: '' };
    const request = requestOf(one);
    // As the S3 presigner does: a URL is made before its body is known.
    const unsigned: Record<string, string> = one.service === 's3' ? { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } : {};
    const signed = await signer(one).presign({ ...request, headers: { host: request.headers.host, ...unsigned } }, { signingDate: new Date(now - 60_000), expiresIn: 60 });
    const head = received({ ...signed, query: signed.query ?? {} });
    const payload = one.service === 's3' ? 'UNSIGNED-PAYLOAD' : sha256('');
    const check = (at: number, changed: RequestHead = head): void => {
      const claim = readClaim(changed);
      assert.ok(claim);
      const style = one.service === 's3' ? 's3' : 'generic';
      const key = { ...plainKey, accountId: '123456789012', sessionToken: one.sessionToken };
      checkSignature(precheck(claim, changed, { findKey: () => key, region, now: at, style, maxSkewMs: 300_000 }), changed, payload, style);
    };
    check(now);
    assert.throws(() => check(now + 1), (error) => error instanceof AuthFailure && error.kind === 'expired');
    assert.throws(() => check(now, { ...head, query: [...head.query, ['added', '1']] }), AuthFailure);
    assert.throws(() => check(now, { ...head, rawPath: `${head.rawPath}x` }), AuthFailure);
  }), { numRuns: 200 });
});
