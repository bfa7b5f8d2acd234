/** What the console's front end works out for itself: figures as people read them, and the request a form makes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Version } from '../../../console/src/api/images.js';
import { logStreamsOf } from '../../../console/src/api/logs.js';
import { ago, bytes, dollars, duration, lastOfArn, milliseconds, shortId } from '../../../console/src/format.js';
import { defaultForm, formOf, inputOf } from '../../../console/src/pages/image-form.js';

const session = { accountId: '123456789012', accessKeyId: 'k', region: 'us-east-1', csrfToken: 't', expiresAt: 0 };
const version: Version = {
  imageArn: 'arn', imageVersion: '1.0', state: 'SUCCESSFUL', status: 'ACTIVE', stateReason: null, baseImageArn: 'base', buildRoleArn: 'role', codeArtifact: { uri: 's3://b/old' },
  description: null, logging: { cloudWatch: { logGroup: '/mine' } }, egressNetworkConnectors: ['connector'], resources: [{ minimumMemoryInMiB: 2048 }], additionalOsCapabilities: ['ALL'],
  hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 30, validate: 'ENABLED' }, microvmHooks: { run: 'ENABLED' } },
  environmentVariables: { A: '1', B: 'x=y' }, createdAt: 0, updatedAt: 0,
};

describe('figures', () => {
  it('durations have two units at most', () => {
    assert.deepEqual([0, 59.4, 60, 200, 3600, 7500, 86_400, 273_600].map(duration), ['0 s', '59 s', '1 min', '3 min 20 s', '1 h', '2 h 5 min', '1 d', '3 d 4 h']);
    assert.equal(duration(-5), '0 s');
    assert.deepEqual([ago(98, 100), ago(0, 100), ago(0, 90_000)], ['just now', '1 min ago', '1 d ago']);
    assert.deepEqual([0.42, 12.3, 573.1, 1234].map(milliseconds), ['0.4 ms', '12 ms', '573 ms', '1.23 s']);
  });

  it('sizes and sums of money keep the digits that count', () => {
    assert.deepEqual([0, 1023, 1024, 1536 * 1024, 512 * 1024 ** 2, 5 * 1024 ** 4].map(bytes), ['0 B', '1023 B', '1.0 KiB', '1.5 MiB', '512 MiB', '5.0 TiB']);
    assert.deepEqual([0, 3.1e-7, 0.0000123456, 0.5, 12.345].map(dollars), ['$0', '<$0.00001', '$0.0000123', '$0.500', '$12.35']);
  });

  it('ids are short, ARNs end in a name', () => {
    assert.equal(shortId('microvm-a991cd0b-3321-4e2c-a982-d5c4db52b17a'), 'a991cd0b');
    assert.equal(lastOfArn('arn:aws:lambda:us-east-1:123456789012:microvm-image:flask'), 'flask');
  });

  it('a log stream is looked for on the day and the day after', () => {
    assert.deepEqual(logStreamsOf(Date.UTC(2026, 11, 31, 23, 59) / 1000, '2.0', 'build-1'), ['2026/12/31[2.0]build-1', '2027/01/01[2.0]build-1']);
  });
});

describe('the form of an image', () => {
  it('asks for what its fields say and nothing else', () => {
    assert.deepEqual(inputOf({ ...defaultForm(session), base: 'base' }, 's3://b/k', undefined), {
      baseImageArn: 'base', buildRoleArn: 'arn:aws:iam::123456789012:role/build', codeArtifact: { uri: 's3://b/k' }, resources: [{ minimumMemoryInMiB: 512 }],
    });
  });

  it('a new version as the one before but for its artifact', () => {
    assert.deepEqual(inputOf(formOf(version), 's3://b/new', version), {
      baseImageArn: 'base', buildRoleArn: 'role', codeArtifact: { uri: 's3://b/new' }, logging: version.logging, egressNetworkConnectors: ['connector'], additionalOsCapabilities: ['ALL'],
      resources: [{ minimumMemoryInMiB: 2048 }], hooks: version.hooks, environmentVariables: version.environmentVariables,
    });
  });

  it('a hook that is switched off leaves the others', () => {
    const { hooks } = inputOf({ ...formOf(version), ready: false }, 's3://b/new', version);
    assert.deepEqual(hooks, { port: 9000, microvmImageHooks: { validate: 'ENABLED' }, microvmHooks: { run: 'ENABLED' } });
    assert.equal(inputOf({ ...formOf({ ...version, hooks: null }), ready: false }, 's3://b/new', { ...version, hooks: null }).hooks, undefined);
  });

  it('lines of the environment that name nothing are left out', () => {
    const { environmentVariables } = inputOf({ ...formOf(version), environment: ' A=1 \n\nnothing\nB=x=y' }, 's3://b/new', version);
    assert.deepEqual(environmentVariables, { A: '1', B: 'x=y' });
  });
});
