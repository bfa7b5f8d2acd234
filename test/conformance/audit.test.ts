/** The log of API calls: made by the unmodified SDKs, read through CloudWatch Logs. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand, DeleteLogGroupCommand, DeleteLogStreamCommand, DescribeLogGroupsCommand, FilterLogEventsCommand, PutLogEventsCommand, PutRetentionPolicyCommand, ResourceNotFoundException } from '@aws-sdk/client-cloudwatch-logs';
import { CreateMicrovmAuthTokenCommand, CreateMicrovmImageCommand, GetMicrovmCommand, ListMicrovmsCommand, RunMicrovmCommand, type LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { AuditRecord } from '../../src/audit/contracts.js';
import { accountId, baseImageArn, imageArn, key, otherKey, region, roleArn, startHarness, type Harness } from './harness.js';
import { signedCall } from './support/signed.js';

const GROUP = '/tardigrade/audit';
const viewer = { accessKeyId: 'TDGKVIEWERVIEWER0001', secretAccessKey: 'viewer-secret-viewer-secret-viewer', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: '*' }] }] };
const guest = { accessKeyId: 'TDGSGUESTGUESTGUEST1', secretAccessKey: 'guest-secret-guest-secret-guest-se', sessionToken: 'guest-session-token', accountId, principalArn: `arn:aws:sts::${accountId}:assumed-role/app/microvm-1` };
/** In no record, whatever it is the value of. */
const MARK = 'must-not-be-recorded';

let api: Harness;
let microvms: LambdaMicrovmsClient;
let s3: S3Client;
let logs: CloudWatchLogsClient;
before(async () => {
  api = await startHarness({ keys: [viewer], findKey: (id, token) => (id === guest.accessKeyId && token === guest.sessionToken ? guest : undefined) });
  microvms = api.client();
  s3 = new S3Client({ endpoint: api.url, region, credentials: key, forcePathStyle: true, maxAttempts: 1 });
  logs = new CloudWatchLogsClient({ endpoint: api.url, region, credentials: key, maxAttempts: 1 });
});
after(async () => {
  s3.destroy();
  logs.destroy();
  await api.close();
});

interface Told extends AuditRecord {
  readonly stream: string | undefined;
}

/** What the account's audit log has, through the API, once that request is in it. */
async function records(requestId: string, credentials = key): Promise<Told[]> {
  const client = new CloudWatchLogsClient({ endpoint: api.url, region, credentials, maxAttempts: 1 });
  try {
    for (;;) {
      const found: Told[] = [];
      let nextToken: string | undefined;
      do {
        // The group is there with its first record.
        const page = await client.send(new FilterLogEventsCommand({ logGroupName: GROUP, nextToken })).catch((error: unknown) => {
          if (error instanceof ResourceNotFoundException) return { events: [], nextToken: undefined };
          throw error;
        });
        found.push(...(page.events ?? []).map(({ message = '', logStreamName: stream }) => ({ ...(JSON.parse(message) as AuditRecord), stream })));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      if (found.some(({ requestID }) => requestID === requestId)) return found;
    }
  } finally {
    client.destroy();
  }
}
async function record(requestId: string | undefined, credentials = key): Promise<Told> {
  assert.ok(requestId !== undefined);
  return (await records(requestId, credentials)).find(({ requestID }) => requestID === requestId) as Told;
}

const failure = async (call: Promise<unknown>): Promise<{ name: string; $metadata: { requestId?: string } }> => call.then(() => assert.fail('it was not refused'), (error: unknown) => error as never);

test('a call that changes something, with all that CloudTrail has of it', async () => {
  const { $metadata, microvmId } = await microvms.send(new RunMicrovmCommand({ imageIdentifier: imageArn('web'), runHookPayload: MARK, clientToken: MARK, maximumDurationInSeconds: 60 }));
  const { eventID, eventTime, userAgent, responseElements, stream, ...rest } = await record($metadata.requestId);
  assert.match(eventID, /^[0-9a-f-]{36}$/);
  assert.match(eventTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(userAgent, /^aws-sdk-js\//);
  assert.equal((responseElements as { microvmId: string }).microvmId, microvmId);
  assert.equal(stream, 'changes');
  assert.deepEqual(rest, {
    eventVersion: '1.11',
    userIdentity: { type: 'IAMUser', principalId: key.accessKeyId, arn: `arn:aws:iam::${accountId}:user/${key.accessKeyId}`, accountId, accessKeyId: key.accessKeyId, userName: key.accessKeyId },
    eventSource: 'lambda.amazonaws.com', eventName: 'RunMicrovm', awsRegion: region, sourceIPAddress: '127.0.0.1',
    requestParameters: { imageIdentifier: imageArn('web'), runHookPayload: 'HIDDEN_DUE_TO_SECURITY_REASONS', clientToken: 'HIDDEN_DUE_TO_SECURITY_REASONS', maximumDurationInSeconds: 60 },
    requestID: $metadata.requestId, readOnly: false, eventType: 'AwsApiCall', managementEvent: true, recipientAccountId: accountId, eventCategory: 'Management',
  });
});

test('reads, data and extensions, each in its stream', async () => {
  const list = await microvms.send(new ListMicrovmsCommand({ maxResults: 5 }));
  const read = await record(list.$metadata.requestId);
  assert.deepEqual([read.stream, read.eventName, read.readOnly, read.requestParameters, read.responseElements], ['reads', 'ListMicrovms', true, { maxResults: 5 }, null]);

  await s3.send(new CreateBucketCommand({ Bucket: 'audited' }));
  const put = await s3.send(new PutObjectCommand({ Bucket: 'audited', Key: 'a/b.txt', Body: MARK }));
  const object = await record(put.$metadata.requestId);
  assert.deepEqual([object.stream, object.eventSource, object.eventName, object.readOnly, object.eventCategory, object.managementEvent, object.requestParameters], ['data', 's3.amazonaws.com', 'PutObject', false, 'Data', false, { bucketName: 'audited', key: 'a/b.txt' }]);
  const missing = await failure(s3.send(new GetObjectCommand({ Bucket: 'audited', Key: 'none' })));
  const got = await record(missing.$metadata.requestId);
  assert.deepEqual([got.eventName, got.errorCode, got.readOnly], ['GetObject', 'NoSuchKey', true]);

  await logs.send(new CreateLogGroupCommand({ logGroupName: 'mine' }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: 'mine', logStreamName: 's' }));
  const lines = await logs.send(new PutLogEventsCommand({ logGroupName: 'mine', logStreamName: 's', logEvents: [{ timestamp: Date.now(), message: MARK }] }));
  const { eventName, requestParameters } = await record(lines.$metadata.requestId);
  assert.deepEqual([eventName, requestParameters], ['PutLogEvents', { logGroupName: 'mine', logStreamName: 's', logEvents: 'HIDDEN_DUE_TO_SECURITY_REASONS' }]);

  const usage = await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/usage' });
  const ours = await record(usage.headers['x-amzn-requestid'] as string);
  assert.deepEqual([ours.eventSource, ours.eventName], ['tardigrade', 'GetUsageReport']);
});

test('refusals of every kind, in the account of the key they name', async () => {
  const viewing = api.client(viewer);
  const forbidden = await record((await failure(viewing.send(new ListMicrovmsCommand({})))).$metadata.requestId);
  assert.deepEqual([forbidden.stream, forbidden.errorCode, (forbidden.userIdentity as { accessKeyId: string }).accessKeyId], ['reads', 'AccessDeniedException', viewer.accessKeyId]);
  assert.match(forbidden.errorMessage ?? '', /is not authorized to perform: lambda:ListMicrovms/);

  const unknown = await record((await failure(microvms.send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-none' })))).$metadata.requestId);
  assert.deepEqual([unknown.errorCode, unknown.requestParameters], ['ResourceNotFoundException', { microvmIdentifier: 'microvm-none' }]);

  const invalid = await record((await failure(microvms.send(new RunMicrovmCommand({ imageIdentifier: imageArn('web'), runHookPayload: MARK.repeat(1000) })))).$metadata.requestId);
  assert.deepEqual([invalid.errorCode, invalid.requestParameters, invalid.responseElements], ['ValidationException', null, null]);

  const forged = api.client({ ...key, secretAccessKey: 'not-the-secret-not-the-secret-not-the-secret' });
  const { name, $metadata } = await failure(forged.send(new RunMicrovmCommand({ imageIdentifier: imageArn('web') })));
  const refused = await record($metadata.requestId);
  assert.deepEqual([name, refused.stream, refused.errorCode, refused.eventName, refused.requestParameters], ['InvalidSignatureException', 'refused', 'InvalidSignatureException', 'RunMicrovm', null]);

  const nowhere = await signedCall(api.port, { method: 'POST', path: '/2025-09-09/nothing', body: { a: MARK } });
  const lost = await record(nowhere.headers['x-amzn-requestid'] as string);
  assert.deepEqual([lost.eventName, lost.errorCode, lost.readOnly, lost.stream], ['UnknownOperation', 'UnknownOperationException', false, 'changes']);
});

test('who took a role is named with it', async () => {
  const client = api.client({ accessKeyId: guest.accessKeyId, secretAccessKey: guest.secretAccessKey, sessionToken: guest.sessionToken });
  const { $metadata } = await client.send(new ListMicrovmsCommand({}));
  const { userIdentity } = await record($metadata.requestId);
  assert.deepEqual(userIdentity, {
    type: 'AssumedRole', principalId: `${guest.accessKeyId}:microvm-1`, arn: guest.principalArn, accountId, accessKeyId: guest.accessKeyId,
    sessionContext: { sessionIssuer: { type: 'Role', arn: `arn:aws:iam::${accountId}:role/app`, accountId, userName: 'app' } },
  });
});

test('an account sees its own calls only, and nobody changes the log', async () => {
  const theirs = await api.client(otherKey).send(new ListMicrovmsCommand({}));
  const { requestId } = theirs.$metadata;
  assert.ok(requestId !== undefined);
  const seen = await records(requestId, otherKey);
  assert.ok(seen.every(({ recipientAccountId }) => recipientAccountId === otherKey.accountId));
  const { $metadata } = await microvms.send(new ListMicrovmsCommand({}));
  assert.ok((await records($metadata.requestId ?? '')).every(({ recipientAccountId }) => recipientAccountId === accountId));

  const groups = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/tardigrade/' }));
  assert.deepEqual(groups.logGroups?.map(({ logGroupName }) => logGroupName), [GROUP]);
  const changes = [
    () => logs.send(new DeleteLogGroupCommand({ logGroupName: GROUP })),
    () => logs.send(new DeleteLogStreamCommand({ logGroupName: GROUP, logStreamName: 'changes' })),
    () => logs.send(new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName: 'x' })),
    () => logs.send(new PutRetentionPolicyCommand({ logGroupName: GROUP, retentionInDays: 1 })),
    () => logs.send(new PutLogEventsCommand({ logGroupName: GROUP, logStreamName: 'changes', logEvents: [{ timestamp: Date.now(), message: 'forged' }] })),
    () => logs.send(new CreateLogGroupCommand({ logGroupName: GROUP })),
  ];
  for (const change of changes) assert.equal((await failure(change())).name, 'AccessDeniedException');
  // An application whose MicroVM logs to a group of that name writes to another place.
  const writer = api.logStore.stream(accountId, GROUP, 'changes');
  writer.write(Date.now(), 'forged');
  await writer.close();
  assert.ok((await records($metadata.requestId ?? '')).length > 0, 'every line is a record');
});

test('no secret, token or payload is in any record, nor in the daemon’s log', async () => {
  const image = { baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k.zip' }, environmentVariables: { NAME: MARK } };
  await microvms.send(new CreateMicrovmImageCommand({ name: 'secretive', ...image }));
  const { microvmId } = await microvms.send(new RunMicrovmCommand({ imageIdentifier: imageArn('web') }));
  const { authToken, $metadata } = await microvms.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: microvmId, expirationInMinutes: 5, allowedPorts: [{ port: 80 }] }));
  assert.deepEqual((await record($metadata.requestId)).responseElements, { authToken: 'HIDDEN_DUE_TO_SECURITY_REASONS' });
  const token = Object.values(authToken ?? {})[0];
  assert.ok(token !== undefined);
  const dir = join(api.dataDir, 'audit');
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const all = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('') + api.log();
  assert.ok(all.includes('secretive'));
  for (const secret of [MARK, token, key.secretAccessKey, guest.sessionToken, guest.secretAccessKey]) assert.ok(!all.includes(secret), secret);
});

test('each request has one line in the daemon’s log, under the id its client has', async () => {
  const { $metadata } = await microvms.send(new ListMicrovmsCommand({}));
  const refused = await failure(microvms.send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-none' })));
  const lines = api.log().split('\n').filter((line) => line.includes('"served"')).map((line) => JSON.parse(line) as Record<string, unknown>);
  const of = (id: string | undefined) => lines.filter(({ requestId }) => requestId === id).map(({ service, operation, account, status, error, ms }) => [service, operation, account, status, error, typeof ms]);
  assert.deepEqual(of($metadata.requestId), [['lambda', 'ListMicrovms', accountId, 200, undefined, 'number']]);
  assert.deepEqual(of(refused.$metadata.requestId), [['lambda', 'GetMicrovm', accountId, 404, 'ResourceNotFoundException', 'number']]);
});
