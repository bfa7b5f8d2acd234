import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors/index.js';
import type { Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import type { TagService } from '../../../src/tags/contracts.js';
import { createTags } from '../../../src/tags/service.js';

const WHO = { accountId: '111122223333', accessKeyId: 'AK' };
const STRANGER = { accountId: '999999999999', accessKeyId: 'AS' };
const IMAGE = 'arn:aws:lambda:us-east-1:111122223333:microvm-image:app';
const CONNECTOR = 'arn:aws:lambda:us-east-1:111122223333:network-connector:nc-1';

async function place(t: TestContext): Promise<{ tags: TagService; store: Store }> {
  const dir = await mkdtemp(join(tmpdir(), 'tags-'));
  const store = openStore(join(dir, 'records.db'));
  t.after(async () => {
    store.close();
    await rm(dir, { recursive: true });
  });
  store.insertImage({ accountId: WHO.accountId, name: 'app', arn: IMAGE, state: 'CREATED', tags: { a: '1' }, createdAt: 0, updatedAt: 7 });
  store.insertConnector({
    id: 'nc-1', arn: CONNECTOR, accountId: WHO.accountId, name: 'egress', configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'] } },
    operatorRole: 'arn:role', state: 'ACTIVE', version: 1, lastUpdateStatus: 'Successful', tags: { a: '1' }, lastModified: 7,
  });
  return { tags: createTags({ store }), store };
}

for (const arn of [IMAGE, CONNECTOR]) {
  test(`merge, overwrite, remove: ${arn}`, async (t) => {
    const { tags } = await place(t);
    tags.add(WHO, arn, { b: '', a: '2' });
    assert.deepEqual(tags.list(WHO, arn), { a: '2', b: '' });
    tags.remove(WHO, arn, ['a', 'not there']);
    assert.deepEqual(tags.list(WHO, arn), { b: '' });
    for (const call of [() => tags.list(STRANGER, arn), () => tags.add(STRANGER, arn, { x: '' }), () => tags.remove(STRANGER, arn, ['b'])]) assert.throws(call, NotFoundError);
    assert.deepEqual(tags.list(WHO, arn), { b: '' });
  });
}

test('at most 50 tags, those there are counted; keys of aws: are reserved', async (t) => {
  const { tags } = await place(t);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '']));
  assert.throws(() => tags.add(WHO, IMAGE, many), ValidationError);
  assert.deepEqual(tags.list(WHO, IMAGE), { a: '1' });
  tags.remove(WHO, IMAGE, ['a']);
  tags.add(WHO, IMAGE, many);
  assert.equal(Object.keys(tags.list(WHO, IMAGE)).length, 50);
  tags.add(WHO, IMAGE, { k1: 'again' });
  for (const key of ['aws:x', 'AWS:x', 'aws:']) assert.throws(() => tags.add(WHO, CONNECTOR, { [key]: '' }), ValidationError);
  tags.add(WHO, CONNECTOR, { 'my-aws:x': '', __proto__x: '' });
});

test('a resource that is being deleted keeps its tags, one that is gone or never was has none', async (t) => {
  const { tags, store } = await place(t);
  store.updateImage(IMAGE, { state: 'DELETING' });
  store.updateConnector('nc-1', { state: 'DELETING' });
  for (const arn of [IMAGE, CONNECTOR]) {
    assert.throws(() => tags.add(WHO, arn, { x: '' }), ConflictError);
    assert.throws(() => tags.remove(WHO, arn, ['a']), ConflictError);
    assert.deepEqual(tags.list(WHO, arn), { a: '1' });
  }
  for (const arn of [`${IMAGE}2`, CONNECTOR.replace('us-east-1', 'eu-west-1'), 'arn:aws:lambda:us-east-1:111122223333:function:app']) {
    assert.throws(() => tags.list(WHO, arn), NotFoundError);
  }
});
