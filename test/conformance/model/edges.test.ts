/**
 * Beyond each edge: every value of values.ts that breaks a constraint, sent by the SDK in every operation that has the member,
 * is refused with the exact text, and nothing reaches a service. The edges themselves are taken: inputs.test.ts sends them.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ValidationException } from '@aws-sdk/client-lambda-microvms';
import { imageArn } from '../harness.js';
import { signedCall } from '../support/signed.js';
import { minimal, pathsOf, requiredPaths, wirePath, withValue, type Input, type Path } from './requests.js';
import { readSdkModel, type OperationModel } from './sdk-model.js';
import { values, valuesOf } from './values.js';
import { startWorld, type World } from './world.js';

const model = await readSdkModel();
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const message = (at: string, rules: readonly string[]): string =>
  `${rules.length === 1 ? '1 validation error' : `${rules.length} validation errors`} detected: ${rules.map((rule) => `Value at '${at}' failed to satisfy constraint: ${rule}`).join('; ')}`;

async function assertRefused(operation: OperationModel, input: Input, text: string): Promise<void> {
  const { error, status, calls } = await world.send(operation, input);
  assert.ok(error instanceof ValidationException, `${operation.name} took ${JSON.stringify(input).slice(0, 200)} (${error?.name ?? status})`);
  assert.equal(error.message, text);
  assert.equal(status, 400);
  assert.deepEqual(calls, []);
}

/** The SDK refuses to send an empty label: the path would be another. */
const isEmptyLabel = ({ input }: OperationModel, path: Path, value: unknown): boolean => value === '' && input.kind === 'structure' && input.members[path[0] ?? '']?.at === 'label';

let sent = 0;
for (const operation of model.operations) {
  test(`${operation.name} refuses what is beyond its edges`, async () => {
    for (const { path } of pathsOf(operation.input)) {
      for (const [value, ...rules] of valuesOf(operation.name, path)?.bad ?? []) {
        if (isEmptyLabel(operation, path, value)) continue;
        await assertRefused(operation, withValue(operation, path, value, world.samples), message(wirePath(operation, path), rules));
        sent += 1;
      }
    }
  });

  test(`${operation.name} refuses to do without what it requires`, async () => {
    for (const path of requiredPaths(operation.input)) {
      const whole = path.length === 1 ? minimal(operation, world.samples) : withValue(operation, path, 'x', world.samples);
      await assertRefused(operation, without(whole, path) as Input, message(wirePath(operation, path), ['Member must not be null']));
      sent += 1;
    }
  });
}

function without(value: unknown, [next = '', ...rest]: Path): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, rest));
  const { [next]: own, ...others } = value as Record<string, unknown>;
  return rest.length === 0 ? others : { ...others, [next]: without(own, rest) };
}

test('the tables above were not empty, and no entry of values.ts is for a member that is gone', () => {
  assert.ok(sent > 250, String(sent));
  const known = new Set(model.operations.flatMap(({ name, input }) => [...pathsOf(input)].map(({ path }) => valuesOf(name, path))));
  assert.deepEqual(Object.entries(values).filter(([, entry]) => !known.has(entry)).map(([name]) => name), []);
});

/** The SDK's types have one member at a time: sent by hand. */
const unions: readonly (readonly [name: string, at: string, members: string, set: readonly unknown[]])[] = [
  ['CreateMicrovmImage', 'codeArtifact', 'uri', [{}, { other: 'x' }]],
  ['CreateMicrovmImage', 'logging', 'disabled, cloudWatch', [{}, { disabled: {}, cloudWatch: {} }]],
  ['UpdateMicrovmImage', 'logging', 'disabled, cloudWatch', [{}, { disabled: {}, cloudWatch: {} }]],
  ['RunMicrovm', 'logging', 'disabled, cloudWatch', [{}, { disabled: {}, cloudWatch: {} }]],
  ['CreateMicrovmAuthToken', 'allowedPorts.1.member', 'port, range, allPorts', [{}, { port: 1, allPorts: {} }, { port: 1, range: { startPort: 1, endPort: 2 } }]],
];
for (const [name, at, members, sets] of unions) {
  test(`${name}: ${at} has exactly one of its members`, async () => {
    const operation = model.operations.find((candidate) => candidate.name === name);
    assert.ok(operation);
    for (const set of sets) {
      const body = { ...minimal(operation, world.samples), ...(at.startsWith('allowedPorts') ? { allowedPorts: [set] } : { [at]: set }) };
      const path = operation.path.replace(/\{(\w+)\}/g, (_, label: string) => encodeURIComponent(String(world.samples(name, label))));
      const answer = await signedCall(world.api.port, { method: operation.method, path, body });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException'], answer.text);
      assert.equal(answer.json['message'], message(at, [`Member must have exactly one of the members: [${members}]`]));
    }
  });
}

/** Rules that the model does not have, with the texts recorded from the live service. */
const recorded: readonly (readonly [name: string, more: Input, text: string])[] = [
  ['CreateMicrovmAuthToken', { expirationInMinutes: 61 }, 'ExpirationMinutes 61 exceeded max allowed of 60.'],
  ['CreateMicrovmShellAuthToken', { expirationInMinutes: 61 }, 'ExpirationMinutes 61 exceeded max allowed of 60.'],
  ['RunMicrovm', { imageIdentifier: 'model-base' }, "Malformed ARN - doesn't start with 'arn:'"],
  ...['GetMicrovmImage', 'UpdateMicrovmImage', 'DeleteMicrovmImage', 'ListMicrovmImageVersions', 'ListManagedMicrovmImageVersions', 'ListMicrovms', 'ListMicrovmImageBuilds'].map(
    (name) => [name, { imageIdentifier: 'model-base' }, 'Invalid ARN format: model-base'] as const,
  ),
  ['GetMicrovmImage', { imageIdentifier: imageArn('x').replace('lambda', 's3') }, `Invalid ARN format: ${imageArn('x').replace('lambda', 's3')}`],
];
for (const [name, more, text] of recorded) {
  test(`${name} answers ${text.slice(0, 60)}`, async () => {
    const operation = model.operations.find((candidate) => candidate.name === name);
    assert.ok(operation);
    await assertRefused(operation, { ...minimal(operation, world.samples), ...more }, text);
  });
}

test('a value of another JSON type is no value at all, enums included', async () => {
  for (const body of [{ status: 5 }, { status: true }, { status: ['ACTIVE'] }, { status: {} }]) {
    const answer = await signedCall(world.api.port, { method: 'PATCH', path: `/2025-09-09/microvm-images/${encodeURIComponent(imageArn('model-base'))}/versions/1.0`, body });
    assert.deepEqual([answer.status, answer.type], [400, 'SerializationException'], answer.text);
    assert.match(answer.text, /can not be converted to a String at 'status'/);
  }
});
