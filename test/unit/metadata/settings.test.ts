import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config.js';

const endpoint = { TARDIGRADE_STS_ENDPOINT: 'https://sts.eu-central-1.amazonaws.com' };
const key = { TARDIGRADE_STS_ACCESS_KEY_ID: 'AKIA', TARDIGRADE_STS_SECRET_ACCESS_KEY: 'secret' };
const file = { TARDIGRADE_STS_CREDENTIALS_FILE: '/etc/sts.json' };

test('an STS needs an endpoint and one kind of credentials', () => {
  assert.equal(loadConfig({}).sts, undefined);
  assert.deepEqual(loadConfig({ ...endpoint, ...key, TARDIGRADE_STS_REGION: 'eu-central-1' }).sts, {
    endpoint: endpoint.TARDIGRADE_STS_ENDPOINT, region: 'eu-central-1', credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: undefined },
  });
  assert.deepEqual(loadConfig({ ...endpoint, ...file }).sts, { endpoint: endpoint.TARDIGRADE_STS_ENDPOINT, region: 'us-east-1', credentials: { file: '/etc/sts.json' } });
  for (const bad of [endpoint, key, file, { ...endpoint, TARDIGRADE_STS_ACCESS_KEY_ID: 'AKIA' }, { ...endpoint, ...key, ...file }, { ...endpoint, ...file, TARDIGRADE_STS_SECRET_ACCESS_KEY: 's' }, { TARDIGRADE_STS_ENDPOINT: 'sts', ...key }]) {
    assert.throws(() => loadConfig(bad), /TARDIGRADE_STS_ENDPOINT/, JSON.stringify(bad));
  }
});

test('the API is closed to guests, and answers go one hop, unless the operator says otherwise', () => {
  const { guestApi, metadataHopLimit } = loadConfig({});
  assert.deepEqual({ guestApi, metadataHopLimit }, { guestApi: false, metadataHopLimit: 1 });
  assert.equal(loadConfig({ TARDIGRADE_METADATA_HOP_LIMIT: '2' }).metadataHopLimit, 2);
  for (const bad of ['0', '65', 'x']) assert.throws(() => loadConfig({ TARDIGRADE_METADATA_HOP_LIMIT: bad }), /TARDIGRADE_METADATA_HOP_LIMIT/);
});
