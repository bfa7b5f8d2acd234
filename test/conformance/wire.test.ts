/** What the SDK never sends: unsigned, tampered and malformed requests, made by hand. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { GetMicrovmCommand, LambdaMicrovmsClient, LambdaMicrovmsServiceException, ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import { canonicalRequest, sha256, stringToSign } from '../../src/api/sigv4/canonical.js';
import { scopeText, sign, signingKey } from '../../src/api/sigv4/key.js';
import { imageArn, key, region, startHarness, type Harness } from './harness.js';

let api: Harness;
before(async () => {
  api = await startHarness();
});
after(() => api.close());

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly id: string | undefined;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Buffer;
  readonly service?: string;
  readonly region?: string;
  readonly headers?: Record<string, string>;
  /** Changes the request after it is signed. */
  readonly after?: (sent: { headers: Record<string, string>; body: string | Buffer; path: string }) => void;
}

function plain(path: string, method = 'GET', headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: api.port, path, method, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, type: header(response.headers['x-amzn-errortype']), id: header(response.headers['x-amzn-requestid']), text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join() : value;
}

function signed({ method = 'POST', path = '/2025-09-09/microvms', body = '{}', service = 'lambda', region: signedRegion = region, headers = {}, after: change }: Sent): Promise<Answer> {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { date: timestamp.slice(0, 8), region: signedRegion, service };
  const all: Record<string, string> = { host: `127.0.0.1:${api.port}`, 'x-amz-date': timestamp, ...headers };
  const names = Object.keys(all).sort();
  const [rawPath = '', queryText = ''] = path.split('?');
  const query = queryText === '' ? [] : queryText.split('&').map((pair): [string, string] => [pair.split('=')[0] ?? '', decodeURIComponent(pair.split('=')[1] ?? '')]);
  const head = { method, rawPath, query, headers: new Map(Object.entries(all)) };
  const canonical = canonicalRequest(head, names, sha256(body), 'generic');
  const signature = sign(signingKey(key.secretAccessKey, scope), stringToSign(timestamp, scopeText(scope), canonical));
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const sent = { headers: { ...all, authorization }, body, path };
  change?.(sent);
  return plain(sent.path, method, sent.headers, sent.body);
}

test('health needs no signature; every answer has a request id of its own', async () => {
  const [a, b] = [await plain('/health'), await plain('/health')];
  assert.deepEqual([a.status, a.text], [200, '{"status":"ok"}']);
  assert.match(a.id ?? '', /^[0-9a-f-]{36}$/);
  assert.notEqual(a.id, b.id);
});

test('unsigned and unreadable requests, each in its dialect', async () => {
  const lambda = await plain('/2025-09-09/microvms');
  assert.deepEqual([lambda.status, lambda.type, lambda.text], [403, 'MissingAuthenticationTokenException', '{"message":"Missing Authentication Token"}']);
  const broken = await plain('/2025-09-09/microvms', 'GET', { authorization: 'AWS4-HMAC-SHA256 Credential=x' });
  assert.deepEqual([broken.status, broken.type], [400, 'IncompleteSignatureException']);
  const s3 = await plain('/bucket/key');
  assert.equal(s3.status, 403);
  assert.match(s3.text, /^<\?xml.*\n<Error><Code>AccessDenied<\/Code>/);
  const badQuery = await plain('/bucket?x=%ff');
  assert.equal(badQuery.status, 400);
});

test('a signature that fits nothing: changed body, path, header; foreign region and service; added header', async () => {
  assert.equal((await signed({})).type, 'ValidationException'); // the helper signs well: only the input is short
  const changes: readonly (readonly [Sent, RegExp])[] = [
    [{ after: (sent) => (sent.body = '{"a":1}') }, /does not match/],
    [{ after: (sent) => (sent.path = '/2025-09-09/microvm-images') }, /does not match/],
    [{ headers: { 'x-amz-a': '1' }, after: (sent) => (sent.headers['x-amz-a'] = '2') }, /does not match/],
    [{ after: (sent) => (sent.headers['x-amz-new'] = '1') }, /not signed: x-amz-new/],
    [{ headers: { 'x-amz-content-sha256': createHash('sha256').digest('hex') } }, /does not match/],
    [{ region: 'eu-west-1' }, /valid region/],
    [{ service: 'iam' }, /correct service: 'lambda'/],
  ];
  for (const [sent, message] of changes) {
    const answer = await signed(sent);
    assert.deepEqual([answer.status, answer.type], [403, 'InvalidSignatureException'], answer.text);
    assert.match(answer.text, message);
  }
});

test('bodies: malformed, of the wrong type, with unknown members, too large', async () => {
  for (const body of ['{', '[]', '"x"', '{"imageIdentifier":1}', '{"maximumDurationInSeconds":"5"}', '{"maximumDurationInSeconds":1.5}', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`]) {
    const answer = await signed({ body });
    assert.deepEqual([answer.status, answer.type], [400, 'SerializationException'], body.slice(0, 50));
  }
  const run = JSON.stringify({ imageIdentifier: imageArn('some'), unknown: { a: 1 }, idlePolicy: null, '__proto__': { x: 1 } });
  const answer = await signed({ body: run });
  assert.equal(answer.status, 200, answer.text);
  const members = JSON.parse(answer.text) as Record<string, unknown>;
  assert.deepEqual([members['idlePolicy'], members['terminatedAt'], members['stateReason'], members['startedAt']], [null, null, null, 1_755_278_248.601]);
  const large = await signed({ body: Buffer.alloc(6 * 1024 * 1024 + 1, ' ') });
  assert.deepEqual([large.status, large.type], [413, 'RequestTooLargeException']);
  const two = await signed({ body: '{"imageIdentifier":"x","logging":{"disabled":{},"cloudWatch":{}}}' });
  assert.match(two.text, /'logging' .* exactly one of the members/);
});

test('routing: raw and encoded colons are the same; a raw slash or another method is a miss', async () => {
  const arn = imageArn('nowhere');
  for (const label of [arn, encodeURIComponent(arn)]) {
    const answer = await signed({ method: 'GET', path: `/2025-09-09/microvm-images/${label}`, body: '' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], answer.text);
    assert.ok(answer.text.includes(arn));
  }
  for (const [method, path] of [['GET', '/2025-09-09/microvms/a/b/c'], ['PUT', '/2025-09-09/microvms'], ['GET', '/2025-09-09/microvms/']] as const) {
    const answer = await signed({ method, path, body: '' });
    assert.deepEqual([answer.status, answer.type], [404, 'UnknownOperationException'], path);
  }
});

const bad = (type: string) => (error: unknown) => error instanceof LambdaMicrovmsServiceException && error.name === type && error.$metadata.httpStatusCode === 403;

test('keys: unknown, wrong secret, session token', async () => {
  const list = new ListMicrovmsCommand({});
  await assert.rejects(api.client({ ...key, accessKeyId: 'TDGKNOBODYNOBODYNOBO' }).send(list), bad('UnrecognizedClientException'));
  await assert.rejects(api.client({ ...key, secretAccessKey: 'wrong' }).send(list), bad('InvalidSignatureException'));
  await assert.rejects(api.client({ ...key, sessionToken: 't' }).send(list), bad('UnrecognizedClientException'));
});

test('clocks: more than five minutes off is refused either way, and the SDK learns the time from our Date header', async () => {
  const list = new ListMicrovmsCommand({});
  for (const [offset, text] of [[5.5, /^Signature expired/], [-5.5, /^Signature not yet current/]] as const) {
    api.clockOffsetMs = offset * 60_000;
    await assert.rejects(api.client().send(list), (error) => bad('InvalidSignatureException')(error) && text.test((error as Error).message));
  }
  api.clockOffsetMs = 4.5 * 60_000;
  assert.ok((await api.client().send(list)).items);
  api.clockOffsetMs = 0;
  const late = new LambdaMicrovmsClient({ endpoint: api.url, region, credentials: key, maxAttempts: 1, systemClockOffset: 3_600_000 });
  await assert.rejects(late.send(list), bad('InvalidSignatureException'));
  assert.ok((await late.send(list)).items);
  late.destroy();
});

test('an identifier with odd characters survives its way through the path', async () => {
  const id = 'a b/c?d#e%20ü';
  await assert.rejects(api.client().send(new GetMicrovmCommand({ microvmIdentifier: id })), (error: unknown) => (error as { resourceId?: string }).resourceId === id);
});
