/** Small parts of the metadata service: zones, paths, local credentials, limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalCredentials, LIFETIME_MS, RENEW_BEFORE_MS } from '../../../src/metadata/local-credentials.js';
import { createSourceLimits } from '../../../src/metadata/source-limits.js';
import { read, treeOf } from '../../../src/metadata/tree.js';
import { firstZoneId } from '../../../src/metadata/zone.js';

test('zone ids follow AWS\'s scheme', () => {
  const ids = { 'us-east-1': 'use1-az1', 'us-west-2': 'usw2-az1', 'ap-northeast-1': 'apne1-az1', 'ap-southeast-2': 'apse2-az1', 'eu-central-1': 'euc1-az1', 'ca-west-1': 'caw1-az1', 'us-gov-west-1': 'usgw1-az1', 'me-south-1': 'mes1-az1' };
  assert.deepEqual(Object.fromEntries(Object.keys(ids).map((region) => [region, firstZoneId(region)])), ids);
});

test('folders are listed, leaves are read, whatever the slashes; what is not there is not there', async () => {
  const parts = { region: 'us-east-1', zoneId: 'use1-az1', tags: { team: 'blue', 'a/b': 'slashes', constructor: 'c' }, document: () => Promise.resolve('{}') };
  const tree = treeOf({ executionRoleArn: 'arn:aws:iam::123456789012:role/x' }, parts);
  const paths: Record<string, string | undefined> = {
    '/': 'latest/', '/latest': 'meta-data/', '/latest/meta-data/': 'iam/\nplacement/\ntags/', '//latest//meta-data': 'iam/\nplacement/\ntags/',
    '/latest/meta-data/iam/': 'security-credentials/', '/latest/meta-data/iam/security-credentials': 'execution_role', '/latest/meta-data/iam/security-credentials/': 'execution_role',
    '/latest/meta-data/iam/security-credentials/execution_role': '{}', '/latest/meta-data/iam/security-credentials/execution_role/': '{}', '/latest/meta-data/iam/security-credentials/execution_role/x': undefined,
    '/latest/meta-data/placement/': 'availability-zone-id\nregion', '/latest/meta-data/placement/region': 'us-east-1', '/latest/meta-data/placement/availability-zone-id': 'use1-az1',
    '/latest/meta-data/tags/': 'instance/', '/latest/meta-data/tags/instance/': 'a/b\nconstructor\nteam', '/latest/meta-data/tags/instance/team': 'blue', '/latest/meta-data/tags/instance/a/b': 'slashes',
    '/latest/meta-data/tags/instance/a': undefined, '/latest/meta-data/toString': undefined, '/latest/meta-data/__proto__': undefined, '/latest/user-data': undefined, '/2021-07-15/meta-data/': undefined,
  };
  for (const [path, text] of Object.entries(paths)) assert.equal(await read(tree, path), text, path);
  const without = treeOf({ executionRoleArn: undefined }, { ...parts, tags: {} });
  assert.equal(await read(without, '/latest/meta-data/'), 'placement/\ntags/');
  assert.equal(await read(without, '/latest/meta-data/iam/security-credentials/'), undefined);
  assert.equal(await read(without, '/latest/meta-data/tags/instance/'), '');
});

test('the first credentials are of the Run, live 55 minutes, and fresh ones come 15 minutes before their end', async () => {
  const startedAt = Date.UTC(2026, 0, 1, 12, 0, 0, 123);
  const whole = Math.floor(startedAt / 1000) * 1000;
  let now = startedAt;
  const source = createLocalCredentials({ issue: ({ expiresAt }) => ({ accessKeyId: `id${expiresAt}`, secretAccessKey: 's', sessionToken: 't' }) }, () => now);
  const get = () => source.credentialsOf({ id: 'microvm-1', accountId: '123456789012', startedAt, roleArn: 'arn:aws:iam::123456789012:role/x' });
  const first = await get();
  assert.deepEqual({ lastUpdated: first.lastUpdated, expiration: first.expiration }, { lastUpdated: whole, expiration: whole + LIFETIME_MS });
  now = whole + LIFETIME_MS - RENEW_BEFORE_MS - 1;
  assert.deepEqual(await get(), first);
  now++;
  assert.equal((await get()).lastUpdated, now);
  // After a day's suspend, and with the clock set back: never what has expired.
  for (const at of [whole + 86_400_000, whole - 3_600_000]) {
    now = at;
    assert.ok((await get()).expiration - now >= RENEW_BEFORE_MS, String(at));
  }
  await assert.rejects(source.credentialsOf({ id: 'microvm-1', accountId: '210987654321', startedAt, roleArn: 'arn:aws:iam::123456789012:role/x' }), { name: 'RoleDeniedError' });
});

test('one guest has so many connections and questions, and another its own', () => {
  let now = 0;
  const limits = createSourceLimits({ connections: 2, perSecond: 10, burst: 5, steady: () => now });
  const end = limits.connect('a');
  assert.ok(end !== undefined && limits.connect('a') !== undefined);
  assert.equal(limits.connect('a'), undefined, 'a third connection');
  assert.deepEqual([limits.ask('a'), limits.ask('a'), limits.ask('a'), limits.ask('a')], [true, true, true, false]);
  assert.ok(limits.connect('b') !== undefined, 'another guest is none the worse');
  now = 200;
  assert.deepEqual([limits.ask('a'), limits.ask('a'), limits.ask('a')], [true, true, false], 'ten a second');
  now = 400;
  end();
  end();
  assert.ok(limits.connect('a') !== undefined, 'one ended');
  assert.equal(limits.connect('a'), undefined, 'and one only');
});
