/** GetMicrovmOutlook through the API, signed as the SDKs sign. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accountId, imageArn, startHarness, type Harness } from './harness.js';
import { signedCall } from './support/signed.js';

const nobody = { accessKeyId: 'TDGKNOOUTLOOKNOOUT01', secretAccessKey: 'no-outlook-secret-no-outlook-sec', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: '*' }] }] };

let api: Harness;
before(async () => {
  api = await startHarness({ keys: [nobody] });
});
after(() => api.close());

test('GET /tardigrade/v1/microvms/{id}/outlook: what comes next, in epoch seconds', async () => {
  const { id, startedAt } = api.microvms.run({ accountId, accessKeyId: 'x' }, { imageArn: imageArn('app') });
  const answer = await signedCall(api.port, { method: 'GET', path: `/tardigrade/v1/microvms/${id}/outlook` });
  assert.equal(answer.status, 200, answer.text);
  const next = { to: 'TERMINATED', at: (startedAt + 28_800_000) / 1000, because: 'its time is over' };
  assert.deepEqual(answer.json, { microvmId: id, state: 'PENDING', stateReason: null, lastActivityAt: (startedAt + 1_000) / 1000, next, transitions: [next] });
});

test('an unknown MicroVM is not found; a key needs the action', async () => {
  const unknown = await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/microvms/microvm-0/outlook' });
  assert.deepEqual([unknown.status, unknown.type], [404, 'ResourceNotFoundException']);
  const { id } = api.microvms.run({ accountId, accessKeyId: 'x' }, { imageArn: imageArn('app') });
  const denied = await signedCall(api.port, { method: 'GET', path: `/tardigrade/v1/microvms/${id}/outlook`, credentials: nobody });
  assert.deepEqual([denied.status, denied.type], [403, 'AccessDeniedException']);
});
