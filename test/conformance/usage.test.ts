/** Usage through the API, signed as the SDKs sign. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NOTHING } from '../../src/usage/ledger.js';
import { accountId, imageArn, otherKey, startHarness, type Harness } from './harness.js';
import { signedCall, type RawAnswer } from './support/signed.js';

const nobody = { accessKeyId: 'TDGKNOUSAGENOUSAGE01', secretAccessKey: 'no-usage-secret-no-usage-secret', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: '*' }] }] };
const reader = {
  accessKeyId: 'TDGKREADUSAGEUSAGE01', secretAccessKey: 'reads-usage-secret-reads-usage',
  policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetUsageReport', Resource: '*' }, { Effect: 'Allow', Action: 'lambda:GetMicrovmUsage', Resource: imageArn('ours') }] }],
};

let api: Harness;
before(async () => {
  api = await startHarness({ keys: [nobody, reader] });
});
after(() => api.close());

const get = (path: string, query?: Record<string, string>, credentials?: { accessKeyId: string; secretAccessKey: string }): Promise<RawAnswer> =>
  signedCall(api.port, { method: 'GET', path, ...(query === undefined ? {} : { query }), ...(credentials === undefined ? {} : { credentials }) });

function runMicrovm(image: string): string {
  const { id } = api.microvms.run({ accountId, accessKeyId: 'x' }, { imageArn: imageArn(image) });
  api.store.saveUsage([{ ...NOTHING, microvmId: id, accountId, day: '2026-11-24', memoryMiB: 2048, runningSeconds: 100, launches: 1 }], [], []);
  return id;
}

test('GET /tardigrade/v1/usage: an account’s own, in AWS’s units', async () => {
  runMicrovm('ours');
  const answer = await get('/tardigrade/v1/usage', { from: '2026-11-01', to: '2026-11-30' });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json['accountId'], answer.json['period'], answer.json['microvms']], [accountId, { from: '2026-11-01', to: '2026-11-30' }, 1]);
  const [vcpu] = answer.json['charges'] as { quantity: number; cost: number }[];
  assert.equal(vcpu?.quantity, 100);
  assert.ok(Math.abs((vcpu.cost) - 0.00276944) < 1e-12);

  const other = await get('/tardigrade/v1/usage', { from: '2026-11-01', to: '2026-11-30' }, otherKey);
  assert.deepEqual([other.status, other.json['microvms'], other.json['cost']], [200, 0, 0]);
});

test('a day that is none is refused', async () => {
  const answer = await get('/tardigrade/v1/usage', { from: '2026-02-30' });
  assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
  assert.match(answer.text, /'2026-02-30' is no day/);
});

test('GET /tardigrade/v1/microvms/{id}/usage', async () => {
  const id = runMicrovm('ours');
  const answer = await get(`/tardigrade/v1/microvms/${id}/usage`);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json['microvmId'], answer.json['memoryMiB'], (answer.json['days'] as unknown[]).length], [id, 2048, 1]);
  const unknown = await get('/tardigrade/v1/microvms/microvm-0/usage');
  assert.deepEqual([unknown.status, unknown.type], [404, 'ResourceNotFoundException']);
  const young = api.microvms.run({ accountId, accessKeyId: 'x' }, { imageArn: imageArn('ours') });
  assert.equal((await get(`/tardigrade/v1/microvms/${young.id}/usage`)).status, 404);
});

test('policies have actions of their own for both', async () => {
  const [ours, theirs] = [runMicrovm('ours'), runMicrovm('theirs')];
  for (const path of ['/tardigrade/v1/usage', `/tardigrade/v1/microvms/${ours}/usage`]) {
    const refused = await get(path, {}, nobody);
    assert.deepEqual([refused.status, refused.type], [403, 'AccessDeniedException'], path);
    assert.equal((await get(path, {}, reader)).status, 200, path);
  }
  assert.equal((await get(`/tardigrade/v1/microvms/${theirs}/usage`, {}, reader)).status, 403);
});

test('unsigned requests and other methods are refused in the same dialect', async () => {
  const unsigned = await fetch(`${api.url}/tardigrade/v1/usage`);
  assert.equal(unsigned.status, 403);
  assert.match(unsigned.headers.get('content-type') ?? '', /json/);
  const posted = await signedCall(api.port, { method: 'POST', path: '/tardigrade/v1/usage' });
  assert.ok(posted.status >= 400 && posted.status < 500);
});
