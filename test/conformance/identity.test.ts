/** Keys, accounts, policies, rates and quotas, through the SDK. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  AccessDeniedException, CreateMicrovmAuthTokenCommand, CreateMicrovmImageCommand, GetMicrovmCommand, GetMicrovmImageCommand, GetMicrovmImageVersionCommand, InsufficientCapacityException,
  ListMicrovmImagesCommand, ListTagsCommand, RunMicrovmCommand, ServiceQuotaExceededException, SuspendMicrovmCommand, TagResourceCommand, TerminateMicrovmCommand,
  ThrottlingException, TooManyRequestsException, type LambdaMicrovmsClient,
} from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { extensions, operations } from '../../src/api/operations/index.js';
import { canonicalRequest, sha256, stringToSign } from '../../src/api/sigv4/canonical.js';
import { scopeText, sign, signingKey } from '../../src/api/sigv4/key.js';
import { accessRules } from '../../src/api/access/rules.js';
import { InsufficientCapacityError, QuotaExceededError } from '../../src/errors/index.js';
import { awsLimits } from '../../src/quotas/defaults.js';
import { createThrottle } from '../../src/quotas/throttle.js';
import { accountId, baseImageArn, imageArn, key, otherKey, region, roleArn, startHarness, type Harness } from './harness.js';

const connector = (name: string): string => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: unknown) => ({ Effect: 'Allow', Action, Resource, ...(Condition === undefined ? {} : { Condition }) });
const deny = (Action: string, Resource = '*') => ({ Effect: 'Deny', Action, Resource });

let count = 0;
function keyWith(...Statement: unknown[]) {
  const id = String(count++).padStart(4, '0');
  return { accessKeyId: `TDGKPOLICYPOLICY${id}`, secretAccessKey: `policy-secret-policy-secret-${id}`, policies: [{ Version: '2012-10-17', Statement }] };
}

const runner = keyWith(
  allow(['lambda:RunMicrovm', 'lambda:GetMicrovm', 'lambda:SuspendMicrovm', 'lambda:CreateMicrovmAuthToken'], imageArn('ci-*')),
  allow('lambda:PassNetworkConnector', connector('HTTP_INGRESS')),
  allow('lambda:PassNetworkConnector', connector('INTERNET_EGRESS')),
  allow('iam:PassRole', 'arn:aws:iam::123456789012:role/ci-*', { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } }),
);
const noEgress = keyWith(allow('lambda:RunMicrovm'), allow('lambda:PassNetworkConnector', connector('HTTP_INGRESS')));
const denied = keyWith(allow('*'), deny('lambda:TerminateMicrovm'));
const tagger = keyWith(
  allow(['lambda:CreateMicrovmImage', 'iam:PassRole']),
  allow('lambda:TagResource', '*', { StringEquals: { 'aws:RequestTag/team': 'blue' }, 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] } }),
  allow('lambda:GetMicrovmImage', '*', { StringEquals: { 'aws:ResourceTag/team': 'blue' } }),
);
const noConnector = keyWith(allow('*'), deny('lambda:PassNetworkConnector', `arn:aws:lambda:${region}:${accountId}:network-connector:nc-1`), deny('lambda:GetMicrovmImageVersion', `${imageArn('x')}:1.0`));
const local = keyWith(allow('lambda:List*', '*', { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }));
const remote = keyWith(allow('lambda:List*', '*', { NotIpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }));
const reader = keyWith(allow('s3:GetObject', 'arn:aws:s3:::shelf/open/*'));
const session = { accessKeyId: 'TDGKSESSIONSESSION01', secretAccessKey: 'session-secret-session-secret', sessionToken: 'session/token+1==' };

let api: Harness;
before(async () => {
  api = await startHarness({ keys: [runner, noEgress, noConnector, denied, tagger, local, remote, reader, session] });
});
after(() => api.close());

/** The SDK's client of a key, without the members that are not credentials. */
function as({ accessKeyId, secretAccessKey, sessionToken }: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): LambdaMicrovmsClient {
  return api.client({ accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) });
}

function refusedAs(who: { accessKeyId: string }, action: string, resource: string, because = `because no identity-based policy allows the ${action} action`) {
  const message = `User: arn:aws:iam::${accountId}:user/${who.accessKeyId} is not authorized to perform: ${action} on resource: ${resource} ${because}`;
  return (error: unknown): boolean => {
    assert.ok(error instanceof AccessDeniedException, String(error));
    assert.equal(error.message, message);
    assert.equal(error.$metadata.httpStatusCode, 403);
    return true;
  };
}

test('every operation has its row in the table of permissions', () => {
  assert.deepEqual([...operations, ...extensions].map(({ name }) => name).filter((name) => accessRules[name] === undefined), []);
});

test('a MicroVM is authorised by its image, in every operation on it', async () => {
  const ci = as(runner);
  const { microvmId } = await ci.send(new RunMicrovmCommand({ imageIdentifier: imageArn('ci-1') }));
  await ci.send(new GetMicrovmCommand({ microvmIdentifier: microvmId }));
  await ci.send(new SuspendMicrovmCommand({ microvmIdentifier: microvmId }));
  await ci.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: microvmId, expirationInMinutes: 1, allowedPorts: [{ port: 80 }] }));
  await assert.rejects(ci.send(new TerminateMicrovmCommand({ microvmIdentifier: microvmId })), refusedAs(runner, 'lambda:TerminateMicrovm', imageArn('ci-1')));
  await assert.rejects(ci.send(new RunMicrovmCommand({ imageIdentifier: imageArn('prod') })), refusedAs(runner, 'lambda:RunMicrovm', imageArn('prod')));
  const prod = await as(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('prod') }));
  await assert.rejects(ci.send(new GetMicrovmCommand({ microvmIdentifier: prod.microvmId })), refusedAs(runner, 'lambda:GetMicrovm', imageArn('prod')));
  // An id that does not exist is no different from one that is not theirs.
  await assert.rejects(ci.send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-none' })), refusedAs(runner, 'lambda:GetMicrovm', '*'));
  await assert.rejects(ci.send(new ListMicrovmImagesCommand({})), refusedAs(runner, 'lambda:ListMicrovmImages', '*'));
});

test('connectors and roles must be passable, the implicit connectors too', async () => {
  const runs = api.microvms.vms.length;
  await assert.rejects(as(noEgress).send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') })), refusedAs(noEgress, 'lambda:PassNetworkConnector', connector('INTERNET_EGRESS')));
  const shell = { imageIdentifier: imageArn('ci-1'), ingressNetworkConnectors: [connector('HTTP_INGRESS'), connector('SHELL_INGRESS')] };
  await assert.rejects(as(runner).send(new RunMicrovmCommand(shell)), refusedAs(runner, 'lambda:PassNetworkConnector', connector('SHELL_INGRESS')));
  const run = (role: string) => as(runner).send(new RunMicrovmCommand({ imageIdentifier: imageArn('ci-1'), executionRoleArn: role }));
  await assert.rejects(run('arn:aws:iam::123456789012:role/admin'), refusedAs(runner, 'iam:PassRole', 'arn:aws:iam::123456789012:role/admin'));
  assert.equal(api.microvms.vms.length, runs, 'nothing was run');
  await run('arn:aws:iam::123456789012:role/ci-run');
});

test('an explicit deny wins and says so', async () => {
  const { microvmId } = await as(denied).send(new RunMicrovmCommand({ imageIdentifier: imageArn('d') }));
  await assert.rejects(
    as(denied).send(new TerminateMicrovmCommand({ microvmIdentifier: microvmId })),
    refusedAs(denied, 'lambda:TerminateMicrovm', imageArn('d'), 'with an explicit deny in an identity-based policy'),
  );
});

test('conditions: tags of the request and of the resource, address of the caller', async () => {
  const image = (name: string, tags: Record<string, string>) =>
    new CreateMicrovmImageCommand({ name, baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k.zip' }, tags });
  await as(tagger).send(image('blue', { team: 'blue' }));
  await as(tagger).send(new GetMicrovmImageCommand({ imageIdentifier: imageArn('blue') }));
  for (const tags of [{ team: 'red' }, { team: 'blue', extra: '1' }]) {
    await assert.rejects(as(tagger).send(image('other', tags)), refusedAs(tagger, 'lambda:TagResource', imageArn('other')));
  }
  await as(key).send(image('red', { team: 'red' }));
  await assert.rejects(as(tagger).send(new GetMicrovmImageCommand({ imageIdentifier: imageArn('red') })), refusedAs(tagger, 'lambda:GetMicrovmImage', imageArn('red')));
  await as(local).send(new ListMicrovmImagesCommand({}));
  await assert.rejects(as(remote).send(new ListMicrovmImagesCommand({})), AccessDeniedException);
});

test('shape is checked before permission, permission before meaning', async () => {
  await assert.rejects(as(reader).send(new RunMicrovmCommand({ imageIdentifier: imageArn('x'), runHookPayload: 'x'.repeat(4097) })), { name: 'ValidationException' });
  await assert.rejects(as(reader).send(new RunMicrovmCommand({ imageIdentifier: 'bare-name' })), AccessDeniedException);
});

test('S3: actions on buckets and keys; no permission is told before whether the object is there', async () => {
  const s3 = ({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }) =>
    new S3Client({ endpoint: api.url, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true, maxAttempts: 1 });
  const [owner, limited, stranger] = [s3(key), s3(reader), s3(otherKey)];
  try {
    await owner.send(new CreateBucketCommand({ Bucket: 'shelf' }));
    for (const Key of ['open/a', 'shut/b']) await owner.send(new PutObjectCommand({ Bucket: 'shelf', Key, Body: 'x' }));
    assert.equal(await (await limited.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'open/a' }))).Body?.transformToString(), 'x');
    const message = (action: string, resource: string): string =>
      `User: arn:aws:iam::${accountId}:user/${reader.accessKeyId} is not authorized to perform: ${action} on resource: "${resource}" because no identity-based policy allows the ${action} action`;
    await assert.rejects(limited.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'shut/b' })), { name: 'AccessDenied', message: message('s3:GetObject', 'arn:aws:s3:::shelf/shut/b') });
    await assert.rejects(limited.send(new GetObjectCommand({ Bucket: 'none', Key: 'k' })), { name: 'AccessDenied', message: message('s3:GetObject', 'arn:aws:s3:::none/k') });
    await assert.rejects(limited.send(new PutObjectCommand({ Bucket: 'shelf', Key: 'open/c', Body: 'y' })), { name: 'AccessDenied', message: message('s3:PutObject', 'arn:aws:s3:::shelf/open/c') });
    await assert.rejects(limited.send(new ListBucketsCommand({})), { name: 'AccessDenied' });
    // Another account: neither seen nor reached.
    assert.deepEqual((await stranger.send(new ListBucketsCommand({}))).Buckets ?? [], []);
    await assert.rejects(stranger.send(new GetObjectCommand({ Bucket: 'shelf', Key: 'open/a' })), { name: 'AccessDenied' });
  } finally {
    for (const client of [owner, limited, stranger]) client.destroy();
  }
});

test('a connector and a version have one name each for policies, however a request writes them', async () => {
  const core = api.store.transaction(() => {
    const arn = `arn:aws:lambda:${region}:${accountId}:network-connector:nc-1`;
    const VpcEgressConfiguration = { SubnetIds: ['subnet-1'], AssociatedComputeResourceTypes: ['MicroVm'] };
    api.store.insertConnector({
      id: 'nc-1', arn, accountId, name: 'vpc', configuration: { VpcEgressConfiguration }, operatorRole: roleArn, state: 'ACTIVE', version: 1,
      lastUpdateStatus: 'Successful', tags: {}, lastModified: 1,
    });
    return arn;
  });
  const run = new RunMicrovmCommand({ imageIdentifier: imageArn('x'), egressNetworkConnectors: [`${core}:1`] });
  await assert.rejects(as(noConnector).send(run), refusedAs(noConnector, 'lambda:PassNetworkConnector', core, 'with an explicit deny in an identity-based policy'));
  for (const imageVersion of ['1', '1.0']) {
    await assert.rejects(as(noConnector).send(new GetMicrovmImageVersionCommand({ imageIdentifier: imageArn('x'), imageVersion })), AccessDeniedException);
  }
});

test('a presigned request is good as it is, and for its time', async () => {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { date: timestamp.slice(0, 8), region, service: 'lambda' };
  const { microvmId = '' } = await as(key).send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') }));
  const path = `/2025-09-09/microvms/${microvmId}`;
  const query: [string, string][] = Object.entries({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Credential': `${session.accessKeyId}/${scopeText(scope)}`, 'X-Amz-Date': timestamp, 'X-Amz-Expires': '60',
    'X-Amz-Security-Token': session.sessionToken, 'X-Amz-SignedHeaders': 'host',
  });
  const head = { method: 'GET', rawPath: path, query, headers: new Map([['host', `127.0.0.1:${api.port}`]]) };
  const signature = sign(signingKey(session.secretAccessKey, scope), stringToSign(timestamp, scopeText(scope), canonicalRequest(head, ['host'], sha256(''), 'generic')));
  const search = new URLSearchParams([...query, ['X-Amz-Signature', signature]]);
  const get = async (parameters: URLSearchParams): Promise<number> => (await fetch(`${api.url}${path}?${parameters.toString().replaceAll('+', '%20')}`)).status;
  assert.equal(await get(search), 200);
  const longer = new URLSearchParams(search);
  longer.set('X-Amz-Expires', '600');
  assert.equal(await get(longer), 403);
  api.clockOffsetMs = 61_000;
  assert.equal(await get(search), 403);
  api.clockOffsetMs = 0;
});

test('a session token must be the key’s own', async () => {
  await as(session).send(new ListMicrovmImagesCommand({}));
  const refused = { name: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
  await assert.rejects(as({ ...session, sessionToken: 'session/token+2==' }).send(new ListMicrovmImagesCommand({})), refused);
  const { accessKeyId, secretAccessKey } = session;
  await assert.rejects(as({ accessKeyId, secretAccessKey }).send(new ListMicrovmImagesCommand({})), refused);
  await assert.rejects(as({ ...key, sessionToken: 'made-up' }).send(new ListMicrovmImagesCommand({})), refused);
  assert.ok(!api.log().includes(session.sessionToken));
});

test('accounts are apart: lists and ARNs of the other account', async () => {
  const [mine, theirs] = [as(key), as(otherKey)];
  await mine.send(new CreateMicrovmImageCommand({ name: 'mine', baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k.zip' } }));
  const seen = (await theirs.send(new ListMicrovmImagesCommand({}))).items ?? [];
  assert.deepEqual(seen.filter(({ name }) => name === 'mine'), []);
});

test('above a rate: 429 with Retry-After, in the family’s own error, and nothing is done; other accounts go on', async (t) => {
  let now = 0;
  const strict = await startHarness({ throttle: createThrottle({ ...awsLimits(region), writeRate: { perSecond: 0.5, burst: 1 } }, () => now) });
  t.after(() => strict.close());
  const client = strict.client();
  const run = () => client.send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') }));
  for (let i = 0; i < 5; i++) await run();
  await assert.rejects(run(), (error) => {
    assert.ok(error instanceof ThrottlingException, String(error));
    assert.deepEqual([error.$metadata.httpStatusCode, error.message, error.serviceCode, error.quotaCode, error.retryAfterSeconds], [429, 'Rate exceeded', 'lambda', 'L-535CA9B6', 1]);
    return true;
  });
  assert.equal(strict.microvms.vms.length, 5);
  await strict.client(otherKey).send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') }));
  now += 200;
  await run();

  const tag = () => client.send(new TagResourceCommand({ Resource: imageArn('none'), Tags: { a: 'b' } }));
  await assert.rejects(tag(), { name: 'ResourceNotFoundException' });
  await assert.rejects(tag(), (error) => {
    assert.ok(error instanceof TooManyRequestsException, String(error));
    assert.deepEqual([error.$metadata.httpStatusCode, error.message], [429, 'Rate exceeded']);
    return true;
  });
  await assert.rejects(client.send(new ListTagsCommand({ Resource: imageArn('none') })), { name: 'ResourceNotFoundException' });
});

test('above a quota: 402 with its code; a full host: 500', async () => {
  const client = as(key);
  api.microvms.failure = new QuotaExceededError('too much memory', 'microvm', accountId, 'L-CD1C0CC4');
  try {
    await assert.rejects(client.send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') })), (error) => {
      assert.ok(error instanceof ServiceQuotaExceededException, String(error));
      assert.deepEqual([error.$metadata.httpStatusCode, error.serviceCode, error.quotaCode, error.resourceType, error.resourceId], [402, 'lambda', 'L-CD1C0CC4', 'microvm', accountId]);
      return true;
    });
    api.microvms.failure = new InsufficientCapacityError('no room');
    await assert.rejects(client.send(new RunMicrovmCommand({ imageIdentifier: imageArn('x') })), (error) => {
      assert.ok(error instanceof InsufficientCapacityException, String(error));
      assert.equal(error.$metadata.httpStatusCode, 500);
      return true;
    });
  } finally {
    api.microvms.failure = undefined;
  }
});
