/** Customer network connectors over the real store, with a clock that is moved by hand. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createConnectors, type Connectors } from '../../../src/connectors/service.js';
import { ConflictError, NotFoundError, QuotaExceededError, ValidationError } from '../../../src/errors/index.js';
import type { ConnectorRecord, MicrovmRecord, Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import { FakeClock } from '../microvms/fakes.js';

const WHO = { accountId: '111122223333', accessKeyId: 'AK' };
const STRANGER = { accountId: '999999999999', accessKeyId: 'AS' };
const ROLE = 'arn:aws:iam::111122223333:role/operator';
const CONFIG = { VpcEgressConfiguration: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'], NetworkProtocol: 'IPv4' as const } };

interface Place {
  readonly connectors: Connectors;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly again: () => Connectors;
}

async function place(t: TestContext, maxPerAccount?: number | null): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'connectors-'));
  const store = openStore(join(dir, 'records.db'));
  const clock = new FakeClock();
  const again = (): Connectors => createConnectors({ store, clock, region: 'us-east-1', ...(maxPerAccount === undefined ? {} : { maxPerAccount }) });
  t.after(async () => {
    store.close();
    await rm(dir, { recursive: true });
  });
  return { connectors: again(), store, clock, again };
}

const create = ({ connectors }: Place, name = 'egress', over: { operatorRole?: string } = { operatorRole: ROLE }): ConnectorRecord =>
  connectors.create(WHO, { name, configuration: CONFIG, tags: {}, ...over });

function active(p: Place, name?: string): ConnectorRecord {
  const { id } = create(p, name);
  p.clock.advance(60_000);
  return p.connectors.get(WHO, id);
}

const vm = (egress: string, state: MicrovmRecord['state'] = 'SUSPENDED'): MicrovmRecord => ({
  id: `microvm-${state}`, accountId: WHO.accountId, endpointLabel: state, state, imageArn: 'arn:image', imageVersion: '1.0', maximumDurationInSeconds: 1,
  ingressNetworkConnectors: [], egressNetworkConnectors: [egress], startedAt: 0, startedSteady: 0, resumeOnStart: false,
});

test('PENDING at first, ACTIVE a moment later; found by id, name and ARN, by its own account alone', async (t) => {
  const p = await place(t);
  const made = create(p);
  assert.match(made.id, /^nc-[0-9a-f-]{36}$/);
  assert.equal(made.arn, `arn:aws:lambda:us-east-1:111122223333:network-connector:${made.id}`);
  assert.deepEqual([made.state, made.version, made.lastUpdateStatus], ['PENDING', 1, 'InProgress']);
  p.clock.advance(60_000);
  for (const identifier of [made.id, 'egress', made.arn, `${made.arn}:1`]) {
    assert.deepEqual([p.connectors.get(WHO, identifier).state, p.connectors.get(WHO, identifier).lastUpdateStatus], ['ACTIVE', 'Successful']);
    assert.throws(() => p.connectors.get(STRANGER, identifier), NotFoundError);
  }
  const otherRegion = made.arn.replace('us-east-1', 'eu-west-1');
  for (const identifier of ['nothing', `${made.arn}:2`, otherRegion, '']) assert.throws(() => p.connectors.get(WHO, identifier), { name: 'NotFoundError', resourceId: identifier });
  assert.equal(p.clock.waiting, 0);
});

test('an id of another account does not hide a name of one\'s own', async (t) => {
  const p = await place(t);
  const theirs = p.connectors.create(STRANGER, { name: 'x', configuration: CONFIG, operatorRole: ROLE, tags: {} });
  const mine = create(p, theirs.id);
  assert.equal(p.connectors.get(WHO, theirs.id).id, mine.id);
  assert.equal(p.connectors.get(STRANGER, theirs.id).id, theirs.id);
});

test('what create refuses: no role, a name that is taken, more than the quota, reserved tags', async (t) => {
  const p = await place(t, 2);
  assert.throws(() => create(p, 'a', {}), { name: 'ValidationError', message: 'NetworkConnectorOperatorRole is required for VPC_EGRESS connector type' });
  assert.throws(() => p.connectors.create(WHO, { name: 'a', configuration: CONFIG, operatorRole: ROLE, tags: { 'AWS:x': '' } }), ValidationError);
  create(p, 'a');
  assert.throws(() => create(p, 'a'), ConflictError);
  create(p, 'b');
  assert.throws(() => create(p, 'c'), QuotaExceededError);
  assert.equal(p.connectors.create(STRANGER, { name: 'a', configuration: CONFIG, operatorRole: ROLE, tags: {} }).name, 'a');
  assert.equal(p.store.countConnectors(WHO.accountId), 2);
});

test('update: only when ACTIVE and settled; the configuration is replaced wholly, the version counts up', async (t) => {
  const p = await place(t);
  const { id } = create(p);
  const next = { VpcEgressConfiguration: { SubnetIds: ['subnet-2'] } };
  assert.throws(() => p.connectors.update(WHO, id, { configuration: next }), /is in state PENDING/);
  p.clock.advance(60_000);
  const updated = p.connectors.update(WHO, id, { configuration: next });
  assert.deepEqual([updated.state, updated.lastUpdateStatus, updated.version, updated.configuration, updated.operatorRole], ['ACTIVE', 'InProgress', 2, next, ROLE]);
  assert.throws(() => p.connectors.update(WHO, id, { configuration: next }), ConflictError);
  p.connectors.requireUsable(WHO, updated.arn, 'f');
  p.clock.advance(60_000);
  assert.equal(p.connectors.get(WHO, `${updated.arn}:2`).lastUpdateStatus, 'Successful');
  assert.throws(() => p.connectors.get(WHO, `${updated.arn}:1`), NotFoundError);
});

test('delete: refused while a live MicroVM or an image version names it; then DELETING, then gone and the name free', async (t) => {
  const p = await place(t);
  const connector = active(p);
  p.store.insertMicrovm(vm(`${connector.arn}:1`));
  assert.throws(() => p.connectors.delete(WHO, connector.id), { name: 'ConflictError', resourceId: connector.id });
  p.store.updateMicrovm('microvm-SUSPENDED', { state: 'TERMINATED' });

  const imageArn = 'arn:aws:lambda:us-east-1:111122223333:microvm-image:app';
  p.store.insertImage({ accountId: WHO.accountId, name: 'app', arn: imageArn, state: 'CREATED', tags: {}, createdAt: 0, updatedAt: 0 });
  p.store.insertVersion({
    imageArn, version: '1.0', state: 'SUCCESSFUL', status: 'ACTIVE', createdAt: 0, updatedAt: 0,
    config: { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' }, egressNetworkConnectors: [connector.arn] },
  });
  assert.throws(() => p.connectors.delete(WHO, connector.id), ConflictError);
  p.store.deleteImage(imageArn);

  assert.equal(p.connectors.delete(WHO, 'egress').state, 'DELETING');
  assert.equal(p.connectors.delete(WHO, 'egress').state, 'DELETING');
  assert.throws(() => p.connectors.requireUsable(WHO, connector.arn, 'f'), { name: 'ConflictError', message: /is in state DELETING/ });
  assert.throws(() => create(p), ConflictError);
  p.clock.advance(60_000);
  assert.throws(() => p.connectors.get(WHO, connector.id), NotFoundError);
  assert.equal(create(p).state, 'PENDING');
});

test('a connector with a longer ARN of the same beginning is not in use by it', async (t) => {
  const p = await place(t);
  const connector = active(p);
  p.store.insertMicrovm(vm(`${connector.arn}x`));
  assert.equal(p.store.isConnectorInUse(connector.arn), false);
});

test('usable: of the account, there, and ACTIVE', async (t) => {
  const p = await place(t);
  const { arn } = create(p);
  assert.throws(() => p.connectors.requireUsable(WHO, arn, 'egressNetworkConnectors'), { name: 'ConflictError', message: /is in state PENDING/ });
  p.clock.advance(60_000);
  p.connectors.requireUsable(WHO, arn, 'egressNetworkConnectors');
  for (const [who, bad] of [[STRANGER, arn], [WHO, `${arn}:9`], [WHO, 'egress']] as const) {
    assert.throws(() => p.connectors.requireUsable(who, bad, 'egressNetworkConnectors'), { name: 'ValidationError', field: 'egressNetworkConnectors' });
  }
});

test('what is not settled at a stop is at the next start', async (t) => {
  const p = await place(t);
  const pending = create(p, 'pending');
  p.clock.advance(60_000);
  const leaving = create(p, 'leaving');
  p.clock.advance(60_000);
  p.connectors.update(WHO, 'pending', { configuration: CONFIG });
  p.connectors.delete(WHO, 'leaving');
  const fresh = create(p, 'fresh');
  p.connectors.close();
  assert.equal(p.clock.waiting, 0);
  const again = p.again();
  again.start();
  assert.deepEqual([pending, fresh].map(({ id }) => [again.get(WHO, id).state, again.get(WHO, id).lastUpdateStatus]), [['ACTIVE', 'Successful'], ['ACTIVE', 'Successful']]);
  assert.throws(() => again.get(WHO, leaving.id), NotFoundError);
});

test('list: by state, paged, right while connectors come and go between pages', async (t) => {
  const p = await place(t);
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) create(p, name);
  p.clock.advance(60_000);
  const pending = create(p, 'new');
  assert.deepEqual(p.connectors.list(WHO, 'PENDING', { limit: 10 }).items.map(({ id }) => id), [pending.id]);
  assert.deepEqual(p.connectors.list(STRANGER, undefined, { limit: 10 }).items, []);
  const first = p.connectors.list(WHO, 'ACTIVE', { limit: 2 });
  p.connectors.delete(WHO, 'b'); // the page's last item, on which the key of the next one stands
  p.connectors.delete(WHO, 'c');
  p.clock.advance(60_000);
  create(p, 'later');
  p.clock.advance(60_000);
  const second = p.connectors.list(WHO, 'ACTIVE', { limit: 10, after: first.next });
  assert.deepEqual([...first.items, ...second.items].map(({ name }) => name), ['a', 'b', 'd', 'e', 'new', 'later']);
});

test('ids that the operator\'s networks do not have: FAILED with the reason, and an update leaves all as it was', async (t) => {
  const p = await place(t);
  const networks = { subnets: new Map([['subnet-1', { cidrs: ['10.0.0.0/8'] }]]), securityGroups: new Map([['sg-1', { egress: [] }]]) };
  const connectors = createConnectors({ store: p.store, clock: p.clock, region: 'us-east-1', networks });
  const make = (name: string, SubnetIds: string[], SecurityGroupIds: string[]): string =>
    connectors.create(WHO, { name, operatorRole: ROLE, tags: {}, configuration: { VpcEgressConfiguration: { SubnetIds, SecurityGroupIds } } }).id;
  const ids = [make('good', ['subnet-1'], ['sg-1']), make('subnet', ['subnet-1', 'subnet-2'], []), make('group', ['subnet-1'], ['sg-2'])];
  p.clock.advance(60_000);
  assert.deepEqual(ids.map((id) => connectors.get(WHO, id)).map(({ state, stateReasonCode, lastUpdateStatus }) => [state, stateReasonCode, lastUpdateStatus]), [
    ['ACTIVE', undefined, 'Successful'], ['FAILED', 'InvalidSubnet', 'Failed'], ['FAILED', 'InvalidSecurityGroup', 'Failed'],
  ]);
  assert.throws(() => connectors.requireUsable(WHO, connectors.get(WHO, ids[1] ?? '').arn, 'x'), ConflictError);
  const good = connectors.get(WHO, 'good');
  connectors.update(WHO, 'good', { configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-9'] } } });
  p.clock.advance(60_000);
  const after = connectors.get(WHO, 'good');
  assert.deepEqual([after.state, after.configuration, after.version, after.lastUpdateStatus, after.lastUpdateStatusReasonCode], ['ACTIVE', good.configuration, 1, 'Failed', 'InvalidSubnet']);
  connectors.update(WHO, 'good', { configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'] } } });
  p.clock.advance(60_000);
  assert.deepEqual([connectors.get(WHO, 'good').lastUpdateStatus, connectors.get(WHO, 'good').lastUpdateStatusReasonCode], ['Successful', undefined]);
  assert.deepEqual(connectors.egressOf(WHO.accountId, [good.arn]).networks.map(({ cidr }) => cidr), ['10.0.0.0/8']);
  assert.deepEqual(connectors.egressOf(STRANGER.accountId, [good.arn]).networks, []);
});
