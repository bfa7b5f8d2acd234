/** lambda-core: the five connector operations over signed raw HTTP (spec §7.2). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accountId, key, otherKey, region, startHarness, type Harness } from './harness.js';
import { signedCall, type RawAnswer, type RawCall } from './support/signed.js';

const ALL = '/2026-04-04/network-connectors';
const ROLE = 'arn:aws:iam::123456789012:role/operator';
const vpc = (more: Record<string, unknown> = {}) => ({ VpcEgressConfiguration: { SubnetIds: ['subnet-0a'], SecurityGroupIds: ['sg-0A'], NetworkProtocol: 'DualStack', AssociatedComputeResourceTypes: ['MicroVm'], ...more } });

let api: Harness;
before(async () => {
  api = await startHarness();
});
after(() => api.close());

const call = (method: string, path: string, more: Partial<RawCall> = {}): Promise<RawAnswer> => signedCall(api.port, { method, path, ...more });
const one = (identifier: unknown): string => `${ALL}/${encodeURIComponent(String(identifier))}`;
const create = (Name: string, more: Record<string, unknown> = {}): Promise<RawAnswer> => call('POST', ALL, { body: { Name, Configuration: vpc(), OperatorRole: ROLE, ...more } });

async function reaches(identifier: string, done: (answer: RawAnswer) => boolean): Promise<RawAnswer> {
  for (let i = 0; i < 400; i += 1) {
    const answer = await call('GET', one(identifier));
    if (done(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return assert.fail(`${identifier} never came to that state`);
}
const isActive = ({ json }: RawAnswer): boolean => json['State'] === 'ACTIVE' && json['LastUpdateStatus'] === 'Successful';

function assertRefused(answer: RawAnswer, status: number, type: string, message: RegExp): void {
  assert.deepEqual([answer.status, answer.type], [status, type], answer.text);
  assert.deepEqual(Object.keys(answer.json).sort(), ['Message', 'Type'], 'Message with a capital, and Type');
  assert.match(String(answer.json['Message']), message);
}

test('create, get by id, name and ARN, update, delete', async () => {
  const created = await create('egress', { Tags: { team: 'a' } });
  assert.equal(created.status, 202, created.text);
  const { Arn, Id, ...rest } = created.json;
  assert.match(String(Id), /^nc-[0-9a-f-]{36}$/);
  assert.equal(Arn, `arn:aws:lambda:${region}:${accountId}:network-connector:${String(Id)}`);
  assert.deepEqual(rest, { Name: 'egress', Configuration: vpc(), OperatorRole: ROLE, State: 'PENDING' });
  assertRefused(await call('PUT', one('egress'), { body: { Configuration: vpc() } }), 409, 'ResourceConflictException', /must be ACTIVE/);

  const active = await reaches('egress', isActive);
  assert.deepEqual([active.status, active.json['Version']], [200, 1]);
  assert.match(String(active.json['LastModified']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const identifier of [Id, Arn]) assert.deepEqual((await call('GET', one(identifier))).json, active.json);
  assert.deepEqual((await call('GET', `${ALL}/${Arn}`)).json, active.json, 'raw colons route as well');

  const next = vpc({ SubnetIds: ['subnet-1', 'subnet-2'], SecurityGroupIds: [] });
  const updated = await call('PUT', one(Id), { body: { Configuration: next } });
  assert.deepEqual([updated.status, updated.json['State'], updated.json['Configuration'], updated.json['OperatorRole']], [202, 'ACTIVE', next, ROLE]);
  assert.deepEqual((await reaches('egress', isActive)).json['Version'], 2);

  const deleted = await call('DELETE', one('egress'));
  assert.deepEqual([deleted.status, deleted.json['State']], [202, 'DELETING']);
  assert.equal((await call('DELETE', one('egress'))).status, 202);
  assertRefused(await reaches('egress', ({ status }) => status === 404), 404, 'ResourceNotFoundException', /not found: egress/);
  assertRefused(await call('DELETE', one('egress')), 404, 'ResourceNotFoundException', /not found/);
});

test('names are unique; the same ClientToken is the same connector, with other parameters a conflict', async () => {
  const first = await create('named', { ClientToken: 'c1' });
  assert.deepEqual((await create('named', { ClientToken: 'c1' })).json, first.json);
  assertRefused(await create('named-2', { ClientToken: 'c1' }), 409, 'ResourceConflictException', /different parameters/);
  assertRefused(await create('named'), 409, 'ResourceConflictException', /already exists/);
  const theirs = await call('POST', ALL, { body: { Name: 'named', Configuration: vpc(), OperatorRole: ROLE, ClientToken: 'c1' }, credentials: otherKey });
  assert.equal(theirs.status, 202, 'accounts are apart');
  assertRefused(await call('GET', one(theirs.json['Id'])), 404, 'ResourceNotFoundException', /not found/);
});

test('list: summaries, State, Marker and MaxItems', async () => {
  for (const name of ['l1', 'l2', 'l3']) assert.equal((await create(name)).status, 202);
  const names: unknown[] = [];
  let marker: string | undefined;
  do {
    const page: RawAnswer = await call('GET', ALL, { query: { MaxItems: '2', ...(marker === undefined ? {} : { Marker: marker }) } });
    assert.equal(page.status, 200, page.text);
    const items = page.json['NetworkConnectors'] as Record<string, unknown>[];
    assert.ok(items.length <= 2);
    for (const item of items) assert.deepEqual([Object.keys(item).sort(), item['Type']], [['Arn', 'Id', 'LastModified', 'Name', 'State', 'Type'], 'VPC_EGRESS']);
    names.push(...items.map((item) => item['Name']));
    marker = page.json['NextMarker'] as string | undefined;
  } while (marker !== undefined);
  assert.deepEqual(names.slice(-3), ['l1', 'l2', 'l3']);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual((await call('GET', ALL, { query: { State: 'FAILED' } })).json, { NetworkConnectors: [] });
  assert.equal((await call('GET', ALL, { query: { MaxItems: '100' } })).status, 200);
  assertRefused(await call('GET', ALL, { query: { Marker: 'made-up' } }), 400, 'InvalidParameterValueException', /not issued by this operation/);
});

const refusals: readonly (readonly [title: string, more: Record<string, unknown>, message: RegExp])[] = [
  ['no role', { OperatorRole: undefined }, /^NetworkConnectorOperatorRole is required for VPC_EGRESS connector type$/],
  ['a role that is none', { OperatorRole: 'arn:aws:iam::1:role/xxxxxxxxx' }, /'OperatorRole' .*regular expression/],
  ['no name', { Name: undefined }, /'Name' .*must not be null/],
  ['a name of 65', { Name: 'x'.repeat(65) }, /'Name' .*regular expression/],
  ['a name of 141', { Name: 'x'.repeat(141) }, /'Name' .*140/],
  ['no configuration', { Configuration: undefined }, /'Configuration' .*must not be null/],
  ['an empty union', { Configuration: {} }, /'Configuration' .*exactly one of the members: \[VpcEgressConfiguration\]/],
  ['no subnet', { Configuration: vpc({ SubnetIds: [] }) }, /'Configuration\.VpcEgressConfiguration\.SubnetIds' .*greater than or equal to 1/],
  ['17 subnets', { Configuration: vpc({ SubnetIds: Array.from({ length: 17 }, (_, i) => `subnet-${i}`) }) }, /SubnetIds' .*less than or equal to 16/],
  ['a subnet that is none', { Configuration: vpc({ SubnetIds: ['net-1'] }) }, /SubnetIds\.1\.member' .*subnet-/],
  ['6 security groups', { Configuration: vpc({ SecurityGroupIds: Array.from({ length: 6 }, () => 'sg-1') }) }, /SecurityGroupIds' .*less than or equal to 5/],
  ['another protocol', { Configuration: vpc({ NetworkProtocol: 'IPv6' }) }, /enum value set: \[IPv4, DualStack\]/],
  ['another resource type', { Configuration: vpc({ AssociatedComputeResourceTypes: ['Function'] }) }, /enum value set: \[MicroVm\]/],
  ['a long token', { ClientToken: 'x'.repeat(65) }, /'ClientToken' .*64/],
  ['a tag of aws:', { Tags: { 'aws:x': '' } }, /reserved/],
];
for (const [title, more, message] of refusals) {
  test(`create refuses ${title}`, async () => assertRefused(await create('refused', more), 400, 'InvalidParameterValueException', message));
}

test('both edges that are allowed: 16 subnets, 5 groups, a name of 64, a token of 64', async () => {
  const configuration = vpc({ SubnetIds: Array.from({ length: 16 }, (_, i) => `subnet-${i}`), SecurityGroupIds: Array.from({ length: 5 }, (_, i) => `sg-${i}`) });
  const answer = await create('x'.repeat(64), { Configuration: configuration, ClientToken: 'y'.repeat(64) });
  assert.equal(answer.status, 202, answer.text);
});

test('an update of nothing, an identifier of a wrong form, a wrong key, more than the quota', async () => {
  assertRefused(await call('PUT', one('named'), { body: {} }), 400, 'InvalidParameterValueException', /Nothing to update/);
  assertRefused(await call('GET', one('a b')), 400, 'InvalidParameterValueException', /'Identifier' .*regular expression/);
  assertRefused(await call('GET', ALL, { query: { MaxItems: '101' } }), 400, 'InvalidParameterValueException', /'MaxItems' .*100/);
  const wrong = await call('GET', ALL, { credentials: { ...key, secretAccessKey: 'wrong' } });
  assert.deepEqual([wrong.status, wrong.type], [403, 'InvalidSignatureException']);
  let last = await create('q0');
  for (let i = 1; i <= 100 && last.status === 202; i += 1) last = await create(`q${i}`);
  assertRefused(last, 400, 'NetworkConnectorLimitExceededException', /maximum of 100/);
});
