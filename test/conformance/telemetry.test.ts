/** ListMicrovmLaunches, ListMicrovmSamples, GetTop, ListMicrovmImageBuildSteps through the API, signed as the SDKs sign. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accountId, baseImageArn, imageArn, otherKey, roleArn, startHarness, type Harness } from './harness.js';
import { signedCall, type RawAnswer } from './support/signed.js';

const nobody = { accessKeyId: 'TDGKNOTELEMETRY00001', secretAccessKey: 'no-telemetry-secret-no-telemetry', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: '*' }] }] };
const asked: (readonly [string, number | undefined])[] = [];

let api: Harness;
before(async () => {
  api = await startHarness({
    keys: [nobody],
    samples: {
      intervalSeconds: 5,
      of: (id, since) => {
        asked.push([id, since]);
        return [{ at: 1_795_000_005_000, cpu: 0.123456, memoryBytes: 4096 }];
      },
      latest: ({ imageArn: arn }) => (arn.endsWith(':idle') ? { memoryMiB: 2048, runningSeconds: 0 } : { cpu: 0.5, memoryBytes: 8192, memoryMiB: 512, runningSeconds: 61.25 }),
    },
  });
});
after(() => api.close());

const get = (path: string, query: Record<string, string> = {}, credentials?: { accessKeyId: string; secretAccessKey: string }): Promise<RawAnswer> =>
  signedCall(api.port, { method: 'GET', path, query, ...(credentials === undefined ? {} : { credentials }) });
const run = (image = 'app'): string => api.microvms.run({ accountId, accessKeyId: 'x' }, { imageArn: imageArn(image) }).id;

test('launches: ms to the tenth, times in epoch seconds', async () => {
  const id = run();
  api.microvms.launched.push({
    microvmId: id, kind: 'RESUME', outcome: 'SUCCEEDED', startedAt: 1_795_000_000_250,
    phases: [{ name: 'queue', startMs: 0, durationMs: 1.234 }, { name: 'restore', startMs: 1.234, durationMs: 100.06 }],
  });
  const answer = await get(`/tardigrade/v1/microvms/${id}/launches`);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, {
    microvmId: id,
    launches: [{
      kind: 'RESUME', outcome: 'SUCCEEDED', startedAt: 1_795_000_000.25, totalMs: 101.3,
      phases: [{ name: 'queue', startMs: 0, durationMs: 1.2 }, { name: 'restore', startMs: 1.2, durationMs: 100.1 }],
    }],
  });
});

test('samples: since a time, which must be one', async () => {
  const id = run();
  const answer = await get(`/tardigrade/v1/microvms/${id}/samples`, { since: '1795000000.5' });
  assert.deepEqual([answer.status, answer.json], [200, { microvmId: id, intervalSeconds: 5, samples: [{ at: 1_795_000_005, cpu: 0.123, memoryBytes: 4096 }] }]);
  assert.equal((await get(`/tardigrade/v1/microvms/${id}/samples`)).status, 200);
  assert.deepEqual(asked, [[id, 1_795_000_000_500], [id, undefined]]);
  for (const since of ['yesterday', '-1', '1e9', '']) {
    const refused = await get(`/tardigrade/v1/microvms/${id}/samples`, { since });
    assert.deepEqual([refused.status, refused.type], [400, 'ValidationException'], since);
  }
});

test('top: live MicroVMs of the account, null for what is not known', async () => {
  for (const { id } of api.microvms.vms) api.microvms.setState(id, 'TERMINATED');
  const [busy, idle] = [run('busy'), run('idle')];
  api.microvms.setState(busy, 'RUNNING');
  const answer = await get('/tardigrade/v1/top');
  assert.deepEqual([answer.status, answer.json], [200, {
    microvms: [
      { microvmId: busy, imageArn: imageArn('busy'), imageVersion: '1.0', state: 'RUNNING', cpu: 0.5, memoryBytes: 8192, memoryMiB: 512, runningSeconds: 61.3 },
      { microvmId: idle, imageArn: imageArn('idle'), imageVersion: '1.0', state: 'PENDING', cpu: null, memoryBytes: null, memoryMiB: 2048, runningSeconds: 0 },
    ],
  }]);
  assert.deepEqual((await get('/tardigrade/v1/top', {}, otherKey)).json, { microvms: [] });
});

test('build steps, of a build the caller has', async () => {
  const { image } = api.images.create({ accountId, accessKeyId: 'x' }, { name: 'steps', tags: {}, config: { baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k' } } });
  const [build] = api.images.builds;
  api.images.steps.push({ name: 'fetch', status: 'SUCCEEDED', startedAt: 1_000, endedAt: 2_500 }, { name: 'build', status: 'RUNNING', startedAt: 2_500 });
  const of = (arn: string, buildId: string): string => `/tardigrade/v1/images/${encodeURIComponent(arn)}/versions/1.0/builds/${buildId}/steps`;
  const answer = await get(of(image.arn, build?.buildId ?? ''));
  assert.deepEqual([answer.status, answer.json], [200, {
    steps: [{ name: 'fetch', status: 'SUCCEEDED', startedAt: 1, endedAt: 2.5 }, { name: 'build', status: 'RUNNING', startedAt: 2.5, endedAt: null }],
  }]);
  assert.equal((await get(of(image.arn, 'b-0'))).status, 404);
  assert.equal((await get(of('app', 'b-0'))).status, 400);
});

test('garbage: of the caller’s account, as it would go and as it went', async () => {
  const ended = (id: string, account: string): void => {
    const vm = api.microvms.run({ accountId: account, accessKeyId: 'x' }, { imageArn: imageArn('old') });
    api.store.insertMicrovm({ ...vm, id, accountId: account, state: 'TERMINATED', terminatedAt: 1_000 });
  };
  ended('microvm-ours', accountId);
  ended('microvm-theirs', otherKey.accountId);
  const post = (body: unknown, credentials?: { accessKeyId: string; secretAccessKey: string }): Promise<RawAnswer> =>
    signedCall(api.port, { method: 'POST', path: '/tardigrade/v1/gc', body, ...(credentials === undefined ? {} : { credentials }) });
  const one = [{ kind: 'terminated-records', count: 1, bytes: 0 }];
  const trial = await post({ dryRun: true }, otherKey);
  assert.deepEqual([trial.status, trial.json], [200, { dryRun: true, removed: one, bytes: 0, failures: 0 }]);
  assert.deepEqual((await post({}, otherKey)).json, { dryRun: false, removed: one, bytes: 0, failures: 0 });
  assert.deepEqual((await post({}, otherKey)).json, { dryRun: false, removed: [], bytes: 0, failures: 0 });
  assert.notEqual(api.store.getMicrovm('microvm-ours'), undefined, 'another account’s stays');
  assert.deepEqual((await post({ dryRun: false })).json, { dryRun: false, removed: one, bytes: 0, failures: 0 });
  const wrong = await post({ dryRun: 'yes' });
  assert.deepEqual([wrong.status, wrong.type], [400, 'SerializationException']);
  assert.deepEqual([(await post({}, nobody)).status, (await post({}, nobody)).type], [403, 'AccessDeniedException']);
});

test('an unknown MicroVM is not found; each needs its action', async () => {
  const id = run();
  for (const what of ['launches', 'samples']) {
    const unknown = await get(`/tardigrade/v1/microvms/microvm-0/${what}`);
    assert.deepEqual([unknown.status, unknown.type], [404, 'ResourceNotFoundException'], what);
  }
  for (const path of [`/tardigrade/v1/microvms/${id}/launches`, `/tardigrade/v1/microvms/${id}/samples`, '/tardigrade/v1/top', `/tardigrade/v1/images/${encodeURIComponent(imageArn('steps'))}/versions/1.0/builds/b/steps`]) {
    const denied = await get(path, {}, nobody);
    assert.deepEqual([denied.status, denied.type], [403, 'AccessDeniedException'], path);
  }
});
