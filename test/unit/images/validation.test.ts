import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValidationError } from '../../../src/errors/index.js';
import { managedImages } from '../../../src/images/managed-images.js';
import { RESERVED_ENV, validateConfig } from '../../../src/images/validation.js';
import type { ImageConfig } from '../../../src/store/contracts.js';
import { BASE, input } from './support/world.js';

const managed = managedImages('us-east-1');
const check = (change: Partial<ImageConfig>): ImageConfig => validateConfig({ ...input().config, ...change }, managed);
const refused = (change: Partial<ImageConfig>, message: string | RegExp, field: string): void => {
  assert.throws(() => check(change), (error) => {
    assert.ok(error instanceof ValidationError);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.field, field);
    return true;
  });
};

test('the base image and its version must be known; 1 is echoed as 1.0', () => {
  assert.equal(check({}).baseImageVersion, undefined);
  for (const version of ['1', '1.0']) assert.equal(check({ baseImageVersion: version }).baseImageVersion, '1.0');
  refused({ baseImageVersion: '7' }, `No managed MicroVM Image with arn ${BASE} and version 7 is available`, 'baseImageVersion');
  const other = BASE.replace('al2023-1', 'al2027-1');
  refused({ baseImageArn: other, baseImageVersion: '1' }, `No managed MicroVM Image with arn ${other} and version 1 is available`, 'baseImageArn');
  refused({ baseImageArn: other }, `No managed MicroVM Image with arn ${other} is available`, 'baseImageArn');
  refused({ baseImageArn: BASE.replace('us-east-1', 'eu-west-1') }, /No managed MicroVM Image/, 'baseImageArn');
});

test('the artifact is s3://bucket/key', () => {
  refused({ codeArtifact: { uri: 'https://bkt/code.zip' } }, /https:\/\/bkt\/code\.zip.*s3:\/\/bucket\/key/, 'codeArtifact.uri');
});

test('memory sizes', () => {
  for (const size of [512, 1024, 2048, 4096, 8192]) check({ resources: [{ minimumMemoryInMiB: size }] });
  check({ resources: [] });
  for (const size of [0, 511, 513, 3072, 16384]) {
    refused(
      { resources: [{ minimumMemoryInMiB: size }] },
      `The requested memory size of ${size} MiB is not supported by base MicroVM image ${BASE}. Supported memory sizes in MiB are: [512, 1024, 2048, 4096, 8192].`,
      'resources',
    );
  }
});

test('an enabled hook needs the port, a lifecycle hook needs ready too', () => {
  check({ hooks: {} });
  check({ hooks: { microvmHooks: { run: 'DISABLED' }, microvmImageHooks: { ready: 'DISABLED' } } });
  check({ hooks: { port: 9000, microvmHooks: { run: 'ENABLED' }, microvmImageHooks: { ready: 'ENABLED' } } });
  for (const hook of ['ready', 'validate'] as const) {
    check({ hooks: { port: 9000, microvmImageHooks: { [hook]: 'ENABLED' } } });
    refused({ hooks: { microvmImageHooks: { [hook]: 'ENABLED' } } }, /port/, 'hooks.port');
  }
  for (const hook of ['run', 'resume', 'suspend', 'terminate'] as const) {
    refused({ hooks: { microvmHooks: { [hook]: 'ENABLED' }, microvmImageHooks: { ready: 'ENABLED' } } }, /port/, 'hooks.port');
    for (const ready of [undefined, 'DISABLED'] as const) {
      refused(
        { hooks: { port: 9000, microvmHooks: { [hook]: 'ENABLED' }, microvmImageHooks: { ready } } },
        'The ready (/ready) MicroVM image hook must be enabled when any MicroVM lifecycle hook (run, resume, suspend, or terminate) is enabled.',
        'hooks.microvmImageHooks.ready',
      );
    }
  }
});

test('environment: at most 50, none reserved, none that a process cannot have', () => {
  const env = (n: number): Record<string, string> => Object.fromEntries(Array.from({ length: n }, (_, i) => [`K${i}`, '']));
  check({ environmentVariables: env(50) });
  refused({ environmentVariables: env(51) }, /'environmentVariables'.*less than or equal to 50$/, 'environmentVariables');
  for (const key of RESERVED_ENV) refused({ environmentVariables: { [key]: 'x' } }, `Environment variable key '${key}' is reserved`, 'environmentVariables');
  check({ environmentVariables: { AWS_REGION_2: 'x', aws_region: 'x', PATH: '/bin' } });
  refused({ environmentVariables: { 'a=b': 'x' } }, /must not contain '='/, 'environmentVariables');
  assert.throws(() => check({ environmentVariables: { SECRET: 'hunter2\0' } }), (error: Error) => /SECRET/.test(error.message) && !error.message.includes('hunter2'));
});

test('egress connectors: managed ones by name', () => {
  const connector = (name: string, account = 'aws'): string => `arn:aws:lambda:us-east-1:${account}:network-connector:${name}`;
  check({ egressNetworkConnectors: [connector('aws-network-connector:INTERNET_EGRESS')] });
  refused({ egressNetworkConnectors: ['INTERNET_EGRESS'] }, 'Malformed network connector ARN', 'egressNetworkConnectors');
  for (const name of ['NO_EGRESS', 'HTTP_INGRESS', 'INTERNET_EGRESS2']) {
    const arn = connector(`aws-network-connector:${name}`);
    refused({ egressNetworkConnectors: [arn] }, `Unrecognized managed network connector ARN: ${arn}`, 'egressNetworkConnectors');
  }
  check({ egressNetworkConnectors: [connector('nc-1', '111122223333')] }); // whether it exists is the connectors' to say
  refused({ egressNetworkConnectors: [connector('nc 1', '111122223333')] }, 'Malformed network connector ARN', 'egressNetworkConnectors');
});

test('the architecture is advice', () => {
  check({ cpuConfigurations: [{ architecture: 'ARM_64' }] });
});
