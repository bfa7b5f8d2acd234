/** Credentials of execution roles from an STS: the calls as AWS's service would take them, and what guests see of it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { fromInstanceMetadata } from '@smithy/credential-provider-imds';
import { signRequest } from '../../src/api/sigv4/sign.js';
import { systemClock, type Clock } from '../../src/clock/index.js';
import { createAssumeRole } from '../../src/metadata/sts/assume-role.js';
import { createStsCredentials } from '../../src/metadata/sts/sts-credentials.js';
import { startMetadata, type MetadataWorld } from './support/metadata.js';
import { startSts, type Sts } from './support/sts.js';

const ROLE = 'arn:aws:iam::999988887777:role/app';
const DOCUMENT = '/latest/meta-data/iam/security-credentials/execution_role';
const MINUTE = 60_000;
const region = 'eu-central-1';

let sts: Sts;
let imds: MetadataWorld;
let offset = 0;
let outcomes: string[] = [];
/** Pauses between tries are not waited for. */
const clock: Clock = {
  ...systemClock,
  now: () => Date.now() + offset,
  after(_ms, fn) {
    const soon = setImmediate(fn);
    return () => clearImmediate(soon);
  },
};
const operator = { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'operator-secret' };
let signer = operator;

beforeEach(async () => {
  offset = 0;
  outcomes = [];
  signer = operator;
  sts = await startSts(region);
  sts.now = () => clock.now();
  const assumeRole = createAssumeRole({ endpoint: sts.url, clock, sign: (request) => Promise.resolve(signRequest(request, signer, { region, service: 'sts' }, Date.now())) });
  imds = await startMetadata({ credentials: createStsCredentials({ assumeRole, clock, called: (outcome) => void outcomes.push(outcome) }) });
  for (const [address, id] of [['127.0.0.1', 'microvm-a'], ['127.0.0.2', 'microvm-b']] as const) {
    imds.guests.set(address, { id, accountId: '000000000000', imageArn: 'arn:image', executionRoleArn: ROLE, startedAt: Date.now() });
  }
  process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = imds.url;
});
afterEach(async () => {
  delete process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'];
  await imds.close();
  await sts.close();
});

const document = async (from?: string): Promise<Record<string, string>> => JSON.parse((await imds.get(DOCUMENT, from)).text) as Record<string, string>;
const keyOf = async (from?: string): Promise<string | undefined> => (await document(from))['AccessKeyId'];
/** A refresh in the background is over. */
async function settled(calls: number): Promise<void> {
  const limit = Date.now() + 10_000;
  while (outcomes.length < calls && Date.now() < limit) await new Promise(setImmediate);
  assert.equal(outcomes.length, calls);
}

test('the role is taken in the MicroVM\'s name for an hour, and SDKs get what STS gave', async () => {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await fromInstanceMetadata()();
  assert.deepEqual({ accessKeyId, secretAccessKey, sessionToken }, { accessKeyId: 'ASIA1', secretAccessKey: 'secret&1', sessionToken: 'token+1==' });
  assert.ok(Math.abs((expiration?.getTime() ?? 0) - Date.now() - 60 * MINUTE) < MINUTE);
  assert.deepEqual(sts.calls, [{ roleArn: ROLE, sessionName: 'microvm-a', durationSeconds: 3600 }]);
});

test('many questions at once are one call, and so are later ones until it is time for fresh ones', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => keyOf()));
  assert.deepEqual([new Set(keys).size, sts.calls.length], [1, 1]);
  assert.equal(await keyOf('127.0.0.2'), 'ASIA2', 'another MicroVM has its own');
  offset = 44 * MINUTE;
  assert.equal(await keyOf(), 'ASIA1');
  offset = 46 * MINUTE;
  assert.equal(await keyOf(), 'ASIA1', 'nobody waits while those there are will do');
  await settled(3);
  assert.equal(await keyOf(), 'ASIA3');
  offset = 24 * 60 * MINUTE;
  assert.equal(await keyOf(), 'ASIA4', 'expired ones are never given: the guest waits');
});

test('a try that fails is tried again', async () => {
  sts.troubles.push('hang-up', [503, 'ServiceUnavailable']);
  assert.equal(await keyOf(), 'ASIA1');
  sts.troubles.push([400, 'Throttling'], [500, 'InternalFailure']);
  assert.equal(await keyOf('127.0.0.2'), 'ASIA2');
  assert.deepEqual(outcomes, ['assumed', 'assumed']);
});

test('an STS that cannot be asked: 503 for a while without asking on, or the old ones while they live', async () => {
  sts.troubles.push('hang-up', 'hang-up', 'hang-up');
  const first = await imds.get(DOCUMENT);
  assert.equal(first.status, 503);
  assert.equal(first.text, 'Credentials of the role cannot be had now: try again.');
  assert.equal((await imds.get(DOCUMENT)).status, 503);
  assert.deepEqual([outcomes, sts.calls.length], [['unavailable'], 0]);
  const lines = imds.log().match(/"microvm":"microvm-a","role":"arn:aws:iam::999988887777:role\/app","reason":"STS at http:[^"]+ cannot be asked: /g);
  assert.equal(lines?.length, 1, 'told once');
  offset = 11_000;
  assert.equal(await keyOf(), 'ASIA1');
  offset += 50 * MINUTE;
  sts.troubles.push('hang-up', 'hang-up', 'hang-up');
  assert.equal(await keyOf(), 'ASIA1');
  await settled(3);
  assert.equal(await keyOf(), 'ASIA1', 'the old ones, while STS is down');
  offset += 9 * MINUTE + 30_000;
  assert.equal(await keyOf(), 'ASIA1', 'and once it is back');
  await settled(4);
  assert.equal(await keyOf(), 'ASIA2');
});

test('a role that STS refuses is told to the guest as EC2 does, once, and the secret is nowhere', async () => {
  sts.troubles.push([403, 'AccessDenied']);
  const { Code, Message, AccessKeyId } = await document();
  assert.deepEqual([Code, AccessKeyId], ['AssumeRoleUnauthorizedAccess', undefined]);
  assert.equal(Message, 'The role arn:aws:iam::999988887777:role/app cannot be assumed: AccessDenied.', 'nothing of the operator\'s');
  assert.match(imds.log(), /refused AssumeRole of arn:aws:iam::999988887777:role\/app: AccessDenied: User is not \\"allowed\\"/);
  assert.deepEqual(outcomes, ['denied']);
  await assert.rejects(fromInstanceMetadata()(), /Invalid response/);
  assert.ok(!imds.log().includes('operator-secret'));
});

test('the stand-in takes no call that is signed wrongly', async () => {
  signer = { ...operator, secretAccessKey: 'another' };
  assert.match((await document())['Message'] ?? '', /SignatureDoesNotMatch/);
  assert.deepEqual(sts.calls, []);
});

test('the operator\'s own credentials may be temporary', async () => {
  signer = Object.assign({ ...operator }, { sessionToken: 'operator/token==' });
  sts.credentials = signer;
  assert.equal(await keyOf(), 'ASIA1');
});
