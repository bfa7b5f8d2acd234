/** The metadata service as guests see it, and the credentials it gives, through the SDK's own providers and clients. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { GetMicrovmCommand, LambdaMicrovmsClient, ListMicrovmImagesCommand, RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { fromInstanceMetadata } from '@smithy/credential-provider-imds';
import { readPolicies } from '../../src/iam/policy.js';
import { createRoleSessions } from '../../src/keys/role-sessions.js';
import { createLocalCredentials } from '../../src/metadata/local-credentials.js';
import type { MetadataSubject } from '../../src/metadata/contracts.js';
import { createSourceLimits } from '../../src/metadata/source-limits.js';
import { accountId, imageArn, key, otherKey, region, startHarness, type Harness } from './harness.js';
import { startMetadata, type MetadataWorld } from './support/metadata.js';

const ROLE = `arn:aws:iam::${accountId}:role/team/app`;
const A = '127.0.0.1';
const B = '127.0.0.2';
const DOCUMENT = '/latest/meta-data/iam/security-credentials/execution_role';
const MISSING_TOKEN = 'No MMDS token provided. Use `X-metadata-token` or `X-aws-ec2-metadata-token` header to specify the session token.';

const allow = (Action: string, Resource: string) => ({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource } });
const rights = [allow('lambda:GetMicrovm', imageArn('ci-*')), allow('s3:GetObject', 'arn:aws:s3:::shelf/open/*')];

/** Ids of the MicroVMs that there are. */
const alive = new Set<string>();
let policies = readPolicies(rights);
const sessions = createRoleSessions({
  secret: randomBytes(32),
  policiesOf: (arn) => (arn === ROLE ? policies : readPolicies([])),
  holds: ({ microvmId }) => alive.has(microvmId),
});

let api: Harness;
let imds: MetadataWorld;
const apiLimits = createSourceLimits({ connections: 2, perSecond: 1_000, burst: 1_000, steady: () => Date.now() });

before(async () => {
  api = await startHarness({ findKey: (id, token) => sessions.find(id, token) });
  imds = await startMetadata({ credentials: createLocalCredentials(sessions, () => Date.now() + imds.clockOffsetMs), tags: { team: 'blue' } });
  process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = imds.url;
});
after(async () => {
  delete process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'];
  await imds.close();
  await api.close();
});
beforeEach(() => {
  imds.clockOffsetMs = api.clockOffsetMs = 0;
  policies = readPolicies(rights);
  alive.clear();
  imds.guests.clear();
  for (const [address, id] of [[A, 'microvm-a'], [B, 'microvm-b']] as const) {
    alive.add(id);
    imds.guests.set(address, { id, accountId, imageArn: imageArn('ci-1'), executionRoleArn: ROLE, startedAt: Date.now() - 1_000 });
  }
});

function guestAt(address: string): MetadataSubject {
  const guest = imds.guests.get(address);
  assert.ok(guest);
  return guest;
}

describe('IMDSv2', () => {
  it('answers the token flow, the tree, and every misuse, as the live service', async () => {
    const put = (headers: Record<string, string>, path = '/latest/api/token') => imds.send('PUT', path, headers);
    const ttl = 'x-aws-ec2-metadata-token-ttl-seconds';
    const made = await put({ [ttl]: '21600' });
    assert.deepEqual([made.status, made.headers[ttl], made.headers['content-type'], made.text.length], [200, '21600', 'text/plain', 48]);
    assert.equal((await put({ 'X-metadata-token-ttl-seconds': '1' })).headers['x-metadata-token-ttl-seconds'], '1');
    for (const bad of ['0', '21601', '-1', '1.5', 'x', '', '99999999999999999999']) {
      const refused = await put({ [ttl]: bad });
      assert.deepEqual([refused.status, refused.text], [400, `Invalid time to live value provided for token: ${bad}. Please provide a value between 1 and 21600.`]);
    }
    assert.match((await put({})).text, /^Token time to live value not found/);
    const proxied = await put({ [ttl]: '60', 'X-Forwarded-For': '192.0.2.1' });
    assert.deepEqual([proxied.status, /x-forwarded-for/i.test(proxied.text)], [400, true]);
    assert.equal((await put({ [ttl]: '60' }, '/latest/meta-data/')).status, 404);

    const bare = await imds.send('GET', DOCUMENT);
    assert.deepEqual([bare.status, bare.text], [401, MISSING_TOKEN]);
    const wrong = await imds.send('GET', DOCUMENT, { 'x-aws-ec2-metadata-token': 'foo' });
    assert.deepEqual([wrong.status, wrong.text], [401, 'MMDS token not valid.']);
    const post = await imds.send('POST', '/latest/api/token', { [ttl]: '60' });
    assert.deepEqual([post.status, post.headers.allow], [405, 'GET, PUT']);
    assert.equal((await imds.send('DELETE', '/')).status, 405);

    assert.equal((await imds.get('/latest/meta-data/')).text, 'iam/\nplacement/\ntags/');
    assert.equal((await imds.get('/latest/meta-data/iam/security-credentials/')).text, 'execution_role');
    assert.equal((await imds.get('/latest/meta-data/placement/')).text, 'availability-zone-id\nregion');
    assert.equal((await imds.get('/latest/meta-data/placement/region?x=1')).text, 'us-east-1');
    assert.equal((await imds.get('http://169.254.169.254/latest/meta-data/placement/availability-zone-id')).text, 'use1-az1');
    assert.equal((await imds.get('/latest/meta-data/tags/instance/team')).text, 'blue');
    assert.equal((await imds.send('GET', '/latest/meta-data/', { 'x-metadata-token': made.text })).status, 200, 'the other name of the header');
    const none = await imds.get('/latest/user-data');
    assert.deepEqual([none.status, none.text], [404, 'Resource not found: /latest/user-data.']);
    assert.equal((await imds.get('/%zz')).status, 400);
  });

  it('gives a token an end', async () => {
    const token = await imds.token();
    const list = () => imds.send('GET', '/latest/', { 'x-aws-ec2-metadata-token': token });
    assert.equal((await list()).status, 200);
    imds.clockOffsetMs = 60_001;
    assert.equal((await list()).status, 401);
  });

  it('gives a MicroVM without an execution role no credentials, and no iam/', async () => {
    imds.guests.set(A, { ...guestAt(A), executionRoleArn: undefined });
    assert.equal((await imds.get('/latest/meta-data/')).text, 'placement/\ntags/');
    assert.equal((await imds.get('/latest/meta-data/iam/security-credentials/')).status, 404);
    assert.equal((await imds.get(DOCUMENT)).status, 404);
    await assert.rejects(fromInstanceMetadata()(), { statusCode: 404 });
  });

  it('tells a guest of its role in the form SDKs show when it may not be taken', async () => {
    imds.guests.set(A, { ...guestAt(A), executionRoleArn: 'arn:aws:iam::210987654321:role/theirs' });
    const document = JSON.parse((await imds.get(DOCUMENT)).text) as Record<string, string>;
    assert.equal(document['Code'], 'AssumeRoleUnauthorizedAccess');
    assert.match(document['Message'] ?? '', /role\/theirs is not one of account/);
    assert.equal(document['AccessKeyId'], undefined);
  });

  it('closes the connection of whoever is no guest, and of a guest whose address is another\'s by now', async () => {
    await assert.rejects(imds.send('GET', '/', {}, '127.0.0.9'), { code: 'ECONNRESET' });
    const socket = connect({ host: '127.0.0.1', port: imds.port, localAddress: A });
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [first] = await once(socket, 'data') as [Buffer];
    assert.match(first.toString(), /^HTTP\/1.1 401/);
    imds.guests.set(A, guestAt(B));
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    let more = '';
    socket.on('data', (chunk: Buffer) => (more += chunk.toString()));
    await once(socket, 'close');
    assert.equal(more, '');
  });

  it('gives each MicroVM its own credentials, and a token is good for one', async () => {
    const [a, b] = [JSON.parse((await imds.get(DOCUMENT, A)).text), JSON.parse((await imds.get(DOCUMENT, B)).text)] as Record<string, string>[];
    for (const member of ['AccessKeyId', 'SecretAccessKey', 'Token']) assert.notEqual(a?.[member], b?.[member], member);
    assert.equal((await imds.send('GET', DOCUMENT, { 'x-aws-ec2-metadata-token': await imds.token(A) }, B)).status, 401);
  });

  it('writes no token and no credential into the log', async () => {
    const token = await imds.token();
    const { text } = await imds.send('GET', DOCUMENT, { 'x-aws-ec2-metadata-token': token });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(text) as Record<string, string>;
    assert.ok(imds.log().includes(DOCUMENT) && imds.log().includes('microvm-a'));
    for (const secret of [token, AccessKeyId, SecretAccessKey, Token]) assert.ok(secret !== undefined && !imds.log().includes(secret));
  });
});

describe('hostile guests of the metadata service', () => {
  it('a flood is answered 429 and hurts no other guest', async () => {
    const world = await startMetadata({ credentials: createLocalCredentials(sessions, Date.now), limits: { perSecond: 0.001, burst: 20 } });
    try {
      for (const address of [A, B]) world.guests.set(address, guestAt(address));
      const answers: number[] = [];
      for (let i = 0; i < 10; i++) answers.push((await world.send('GET', '/')).status);
      assert.deepEqual(answers, Array.from({ length: 10 }, () => 401), 'a connection and a request each');
      await assert.rejects(world.send('GET', '/'), { code: 'ECONNRESET' }, 'and then no connection');
      assert.equal((await world.get('/latest/', B)).status, 200);
    } finally {
      await world.close();
    }
  });

  it('requests of one connection are counted too', async () => {
    const world = await startMetadata({ credentials: createLocalCredentials(sessions, Date.now), limits: { perSecond: 0.001, burst: 4 } });
    try {
      world.guests.set(A, guestAt(A));
      const socket = connect({ host: '127.0.0.1', port: world.port });
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50));
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      await once(socket, 'close');
      assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(9)), ['401', '401', '401', '429']);
    } finally {
      await world.close();
    }
  });

  it('connections are bounded, and slow, endless and oversized requests are cut off', async () => {
    const world = await startMetadata({ credentials: createLocalCredentials(sessions, Date.now), limits: { connections: 3 }, headersTimeout: 50 });
    try {
      world.guests.set(A, guestAt(A));
      const open = () => connect({ host: '127.0.0.1', port: world.port });
      const ended = async (text: string): Promise<string> => {
        const socket = open();
        let received = '';
        socket.on('data', (chunk: Buffer) => (received += chunk.toString())).on('error', () => undefined);
        socket.write(text);
        await once(socket, 'close');
        return received;
      };
      const held = [open(), open(), open()];
      await Promise.all(held.map((socket) => once(socket, 'connect')));
      const fourth = open();
      fourth.on('error', () => undefined);
      await once(fourth, 'close');
      // A head that never ends, on the three: each is closed by its time, and then there is room again.
      for (const socket of held) socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nx: ');
      await Promise.all(held.map((socket) => { socket.resume(); return once(socket, 'close'); }));
      assert.match(await ended(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
      const body = await ended('PUT /latest/api/token HTTP/1.1\r\nhost: x\r\nx-aws-ec2-metadata-token-ttl-seconds: 9\r\ncontent-length: 999999999\r\n\r\nabc');
      assert.match(body, /^HTTP\/1\.1 200[^]*connection: close/i);
      assert.match(await ended('\u0016\u0003\u0001 not http\r\n\r\n'), /^(HTTP\/1\.1 400|$)/);
    } finally {
      await world.close();
    }
  });
});

describe('credentials of an execution role', () => {
  it('the SDK takes them, and they do what the role may, as long as they live', async () => {
    const credentials = await fromInstanceMetadata()();
    assert.equal(Math.round(((credentials.expiration?.getTime() ?? 0) - (imds.guests.get(A)?.startedAt ?? 0)) / 60_000), 55);
    const { microvmId } = await api.client(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('ci-1') }));
    const { microvmId: other } = await api.client(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('prod') }));
    const guest = api.client(credentials);
    const get = (id: string | undefined) => guest.send(new GetMicrovmCommand({ microvmIdentifier: id }));
    assert.equal((await get(microvmId)).microvmId, microvmId);
    await assert.rejects(get(other), (error: Error) => {
      assert.equal(error.name, 'AccessDeniedException');
      assert.match(error.message, new RegExp(`^User: arn:aws:sts::${accountId}:assumed-role/app/microvm-a is not authorized to perform: lambda:GetMicrovm on resource: ${imageArn('prod')} `));
      return true;
    });
    await assert.rejects(guest.send(new ListMicrovmImagesCommand({})), { name: 'AccessDeniedException' });

    policies = readPolicies([]);
    await assert.rejects(get(microvmId), { name: 'AccessDeniedException' }, 'the role was taken its rights');
    policies = readPolicies(rights);
    api.clockOffsetMs = 53 * 60_000;
    const skewed = api.client(credentials);
    skewed.config.systemClockOffset = api.clockOffsetMs;
    await skewed.send(new GetMicrovmCommand({ microvmIdentifier: microvmId }));
    skewed.config.systemClockOffset = api.clockOffsetMs = 55 * 60_000;
    await assert.rejects(skewed.send(new GetMicrovmCommand({ microvmIdentifier: microvmId })), { name: 'ExpiredTokenException' });
  });

  it('end with their MicroVM', async () => {
    const guest = api.client(await fromInstanceMetadata()());
    const { microvmId } = await api.client(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('ci-1') }));
    await guest.send(new GetMicrovmCommand({ microvmIdentifier: microvmId }));
    alive.delete('microvm-a');
    await assert.rejects(guest.send(new GetMicrovmCommand({ microvmIdentifier: microvmId })), { name: 'UnrecognizedClientException' });
  });

  it('are worth nothing without their token, with another\'s, or with another secret', async () => {
    const { accessKeyId, secretAccessKey, sessionToken = '' } = await fromInstanceMetadata()();
    const theirs = sessions.issue({ microvmId: 'microvm-b', accountId, roleArn: ROLE, expiresAt: Date.now() + 60_000 });
    const ask = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) => api.client(credentials).send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-00000000-0000-0000-0000-000000000000' }));
    await assert.rejects(ask({ accessKeyId, secretAccessKey }), { name: 'UnrecognizedClientException' });
    await assert.rejects(ask({ accessKeyId, secretAccessKey, sessionToken: theirs.sessionToken }), { name: 'UnrecognizedClientException' });
    await assert.rejects(ask({ accessKeyId, secretAccessKey: theirs.secretAccessKey, sessionToken }), { name: 'InvalidSignatureException' });
  });

  it('are good for S3 too, within the role', async () => {
    const options = { endpoint: api.url, region, forcePathStyle: true, maxAttempts: 1 };
    const owner = new S3Client({ ...options, credentials: key });
    const stranger = new S3Client({ ...options, credentials: otherKey });
    const guest = new S3Client({ ...options, credentials: fromInstanceMetadata() });
    try {
      await owner.send(new CreateBucketCommand({ Bucket: 'shelf' }));
      for (const Key of ['open/x', 'closed/x']) await owner.send(new PutObjectCommand({ Bucket: 'shelf', Key, Body: 'text' }));
      assert.equal(await (await guest.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'open/x' }))).Body?.transformToString(), 'text');
      await assert.rejects(guest.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'closed/x' })), { name: 'AccessDenied' });
      await assert.rejects(guest.send(new PutObjectCommand({ Bucket: 'shelf', Key: 'open/x', Body: 'other' })), { name: 'AccessDenied' });
      // Whatever the role may, it may in its account.
      await stranger.send(new CreateBucketCommand({ Bucket: 'theirs' }));
      await stranger.send(new PutObjectCommand({ Bucket: 'theirs', Key: 'x', Body: 'text' }));
      policies = readPolicies([allow('*', '*')]);
      await guest.send(new PutObjectCommand({ Bucket: 'shelf', Key: 'open/x', Body: 'other' }));
      await assert.rejects(guest.send(new GetObjectCommand({ Bucket: 'theirs', Key: 'x' })), { name: 'AccessDenied' });
      api.clockOffsetMs = 14 * 60_000; // within S3's tolerance
      imds.guests.set(A, { ...guestAt(A), startedAt: Date.now() - 60 * 60_000 });
      const late = new S3Client({ ...options, credentials: { ...sessions.issue({ microvmId: 'microvm-a', accountId, roleArn: ROLE, expiresAt: Date.now() }) } });
      await assert.rejects(late.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'open/x' })), { name: 'ExpiredToken' });
      late.destroy();
    } finally {
      owner.destroy();
      stranger.destroy();
      guest.destroy();
    }
  });

  it('reach the API from inside a guest where the operator lets them, so many connections each', async () => {
    const guests = new Set([A]);
    const open = await startHarness({ findKey: (id, token) => sessions.find(id, token), guests: { host: '127.0.0.1', port: 0, admit: (address) => (guests.has(address) ? apiLimits.connect(address) : undefined) } });
    try {
      const { microvmId } = await open.client(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('ci-1') }));
      const credentials = await fromInstanceMetadata()();
      const client = new LambdaMicrovmsClient({ endpoint: `http://127.0.0.1:${open.guestPort}`, credentials, region, maxAttempts: 1 });
      assert.equal((await client.send(new GetMicrovmCommand({ microvmIdentifier: microvmId }))).microvmId, microvmId);
      client.destroy();
      const held = [1, 2, 3].map(() => connect({ host: '127.0.0.1', port: open.guestPort }).on('error', () => undefined));
      await Promise.race(held.map((socket) => once(socket, 'close')));
      for (const socket of held) socket.destroy();
      guests.clear();
      await once(connect({ host: '127.0.0.1', port: open.guestPort }).on('error', () => undefined), 'close');
    } finally {
      await open.close();
    }
  });
});
