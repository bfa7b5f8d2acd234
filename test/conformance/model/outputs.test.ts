/** Answers as sent, against the model: every member there, required ones with a value, none beyond the model, each of its type. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { imageArn, roleArn } from '../harness.js';
import { minimal, type Input } from './requests.js';
import { readSdkModel, type OperationModel, type Shape } from './sdk-model.js';
import { startWorld, type World } from './world.js';

const model = await readSdkModel();
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Members that the live service was seen to add (spec §15). */
const recordedExtras: Readonly<Record<string, readonly string[]>> = {
  CreateMicrovmImageResponse: ['id', 'buildPhaseOverrides', 'roleConfiguration'],
  UpdateMicrovmImageResponse: ['id', 'buildPhaseOverrides', 'roleConfiguration'],
};

/** What is wrong with `value`, one line each. Absent optional members count: the service sends them as null (spec §15). */
function faults(shape: Shape, value: unknown, at: string): string[] {
  switch (shape.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === shape.kind ? [] : [`${at} is no ${shape.kind}: ${JSON.stringify(value)}`];
    case 'timestamp': // epoch seconds: 1e11 of them is the year 5138, in ms it was 1973
      return typeof value === 'number' && value < 1e11 ? [] : [`${at} is no time in seconds: ${JSON.stringify(value)}`];
    case 'unit':
      return JSON.stringify(value) === '{}' ? [] : [`${at} is not {}`];
    case 'list':
      return Array.isArray(value) ? value.flatMap((item, i) => faults(shape.member, item, `${at}[${i}]`)) : [`${at} is no list`];
    case 'map':
      return isObject(value) ? Object.entries(value).flatMap(([key, item]) => faults(shape.member, item, `${at}.${key}`)) : [`${at} is no map`];
    case 'structure':
    case 'union':
      return isObject(value) ? memberFaults(shape, value, at) : [`${at} is no ${shape.kind}`];
  }
}

function memberFaults(shape: Extract<Shape, { members: unknown }>, value: Readonly<Record<string, unknown>>, at: string): string[] {
  const allowed = [...Object.keys(shape.members), ...(recordedExtras[shape.name] ?? [])];
  const beyond = Object.keys(value).filter((name) => !allowed.includes(name));
  // What the caller sent is echoed as it was; all else has every member of the model.
  const given = echoed.has(shape.name) || shape.kind === 'union';
  return [
    ...beyond.map((name) => `${at}.${name} is not in the model`),
    ...Object.entries(shape.members).flatMap(([name, member]) => {
      const own = value[name];
      if (own === undefined || own === null) {
        if (member.required) return [`${at}.${name} is required and has no value`];
        return own === undefined && !given ? [`${at}.${name} is never sent`] : [];
      }
      return faults(member.shape, own, `${at}.${name}`);
    }),
  ];
}

const echoed = new Set(['Logging', 'CloudWatchLogging', 'Hooks', 'MicrovmHooks', 'MicrovmImageHooks', 'IdlePolicy', 'CodeArtifact', 'Resources', 'CpuConfiguration', 'SnapshotBuild']);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const config: Input = {
  description: 'd', baseImageVersion: '1', logging: { cloudWatch: { logGroup: 'g', logStream: 's' } }, egressNetworkConnectors: ['c'], cpuConfigurations: [{ architecture: 'ARM_64' }],
  resources: [{ minimumMemoryInMiB: 512 }], additionalOsCapabilities: ['ALL'], environmentVariables: { A: 'b' },
  hooks: { port: 9000, microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 1 }, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 1 } },
};
/** Optional members that make the answer full. */
const full: Readonly<Record<string, Input>> = {
  CreateMicrovmImage: { ...config, tags: { a: 'b' } },
  UpdateMicrovmImage: config,
  RunMicrovm: { executionRoleArn: roleArn, idlePolicy: { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: true } },
  GetMicrovmImageBuild: { buildId: 'second' },
};

async function answer(operation: OperationModel, more: Input = {}): Promise<{ status: number; body: string }> {
  const { error, body, status } = await world.send(operation, { ...minimal(operation, world.samples), ...more });
  assert.ifError(error);
  return { status, body };
}

for (const operation of model.operations) {
  test(`answers ${operation.name} as the model has it`, async () => {
    for (const more of [{}, full[operation.name] ?? {}]) {
      const { status, body } = await answer(operation, more);
      assert.equal(status, operation.status);
      if (operation.output.kind === 'unit') {
        assert.equal(body, '');
        continue;
      }
      const value = JSON.parse(body) as Readonly<Record<string, unknown>>;
      assert.deepEqual(faults(operation.output, value, operation.name), []);
      if (operation.output.kind === 'structure' && 'items' in operation.output.members) assert.ok((value['items'] as unknown[]).length > 0, 'an empty list shows nothing');
    }
  });
}

test('full records: versions, builds and MicroVMs at the end of their lives', async () => {
  const [vm] = world.api.microvms.vms;
  assert.ok(vm);
  world.api.microvms.vms[0] = { ...vm, state: 'TERMINATED', terminatedAt: vm.startedAt + 1, stateReason: 'Success.', executionRoleArn: roleArn, ingressNetworkConnectors: ['i'], egressNetworkConnectors: ['e'] };
  const images = world.api.images;
  images.versions.forEach((version, i) => (images.versions[i] = { ...version, stateReason: 'r', state: 'FAILED' }));
  const image = images.images.find(({ arn }) => arn === imageArn('model-base'));
  assert.ok(image);
  images.images[images.images.indexOf(image)] = { ...image, latestActiveVersion: '1.0', latestFailedVersion: '2.0' };
  for (const operation of model.operations.filter(({ name }) => /^(Get|List)/.test(name))) {
    const { body } = await answer(operation, full[operation.name]);
    assert.deepEqual(faults(operation.output, JSON.parse(body), operation.name), []);
  }
});

test('the check sees a member missing, of a wrong type, and beyond the model', () => {
  const get = model.operations.find(({ name }) => name === 'GetMicrovmImage');
  assert.ok(get);
  const good = { imageArn: 'a', name: 'n', state: 'CREATED', createdAt: 1.5, latestActiveImageVersion: null, latestFailedImageVersion: null, tags: {}, updatedAt: 1 };
  assert.deepEqual(faults(get.output, good, 'x'), []);
  assert.deepEqual(faults(get.output, { ...good, state: null, createdAt: 1_755_278_248_601, extra: 1 }, 'x'), [
    'x.extra is not in the model', 'x.state is required and has no value', 'x.createdAt is no time in seconds: 1755278248601',
  ]);
  assert.deepEqual(faults(get.output, { ...good, tags: undefined }, 'x'), ['x.tags is never sent']);
});
