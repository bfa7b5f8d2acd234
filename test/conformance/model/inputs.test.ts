/**
 * Every member of every input in the installed SDK's model, sent by the SDK: at each edge of its constraint it is taken and
 * honoured, or it is in the table «Members accepted and ignored» of docs/unknowns.md.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { LambdaMicrovmsServiceException } from '@aws-sdk/client-lambda-microvms';
import { imageArn } from '../harness.js';
import { isHonoured } from './honoured.js';
import { mapKey, minimal, pathsOf, withValue, type Input } from './requests.js';
import { readSdkModel, type OperationModel } from './sdk-model.js';
import { pathText, valuesOf } from './values.js';
import { startWorld, type Outcome, type World } from './world.js';

const model = await readSdkModel();
const ignored = ignoredMembers(await readFile(new URL('../../../docs/unknowns.md', import.meta.url), 'utf8'));
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Rows `Operation.member | why`. */
function ignoredMembers(text: string): ReadonlySet<string> {
  const [, section = ''] = text.split('## Members accepted and ignored');
  return new Set([...(section.split('\n## ')[0] ?? '').matchAll(/^`([A-Za-z]+\.\S+)` \| \S/gm)].map((match) => match[1] ?? ''));
}

/** A refusal that the operation's documentation does not list is a defect whatever was asked. */
function assertModelled({ throws, name }: OperationModel, error: LambdaMicrovmsServiceException | undefined): void {
  if (error !== undefined) assert.ok(throws.includes(error.name), `${name} answered ${error.name}, which its model does not have: ${error.message}`);
}

async function ask(operation: OperationModel, input: Input): Promise<Outcome> {
  const outcome = await world.send(operation, input);
  assertModelled(operation, outcome.error);
  return outcome;
}

const items = ({ output, error }: Outcome): readonly Readonly<Record<string, unknown>>[] => {
  assert.ifError(error);
  return (output as { items: Readonly<Record<string, unknown>>[] }).items;
};
const member = ({ output, error }: Outcome, name: string): unknown => {
  assert.ifError(error);
  return (output as Readonly<Record<string, unknown>>)[name];
};

/** Members that show otherwise than by arriving. Each probe fails when the member is ignored. */
const probes: Readonly<Record<string, (operation: OperationModel) => Promise<void>>> = {
  async maxResults(operation) {
    assert.equal(items(await ask(operation, minimal(operation, world.samples))).length > 1, true, 'there is more than one');
    assert.equal(items(await ask(operation, withValue(operation, ['maxResults'], 1, world.samples))).length, 1);
    assert.ok(items(await ask(operation, withValue(operation, ['maxResults'], 50, world.samples))).length > 1);
  },
  async nextToken(operation) {
    const first = { ...minimal(operation, world.samples), maxResults: 1 };
    const start = await ask(operation, first);
    const next = await ask(operation, { ...first, nextToken: member(start, 'nextToken') });
    assert.notDeepEqual(items(next), items(start));
    const { error } = await ask(operation, { ...first, nextToken: 'made-up' });
    assert.match(error?.message ?? '', /^Invalid nextToken/);
  },
  async clientToken(operation) {
    for (const clientToken of valuesOf(operation.name, ['clientToken'])?.good ?? []) {
      const input = { ...minimal(operation, world.samples), clientToken };
      const before = await ask(operation, input);
      const again = await ask(operation, input);
      assert.equal(again.body, before.body);
      assert.deepEqual(again.calls.filter((call) => call.length > 1 || typeof call[0] === 'object'), [], 'the second request does no work');
      const changed = await ask(operation, 'name' in input ? { ...input, name: 'another' } : { ...input, logging: { disabled: {} } });
      assert.equal(changed.error?.name, 'ConflictException');
    }
  },
  async nameFilter(operation) {
    assert.deepEqual(items(await ask(operation, { nameFilter: 'el-ot' })).map(({ name }) => name), ['model-other']);
    for (const nameFilter of valuesOf(operation.name, ['nameFilter'])?.good ?? []) items(await ask(operation, { nameFilter }));
  },
  architecture: (operation) => filters(operation, 'architecture', ['ARM_64'], 2),
  chipset: (operation) => filters(operation, 'chipset', ['GRAVITON'], 2),
  async chipsetGeneration(operation) {
    await filters(operation, 'chipsetGeneration', ['3', '4'], 1);
    await filters(operation, 'chipsetGeneration', valuesOf(operation.name, ['chipsetGeneration'])?.good ?? [], 0);
  },
};

/** The one architecture and chipset of the model match all builds, or none when a build has another. */
async function filters(operation: OperationModel, name: string, wanted: readonly unknown[], count: number): Promise<void> {
  for (const value of wanted) {
    assert.equal(items(await ask(operation, withValue(operation, [name], value, world.samples))).length, count, String(value).slice(0, 20));
    const odd = world.api.images.builds.length;
    const [build] = world.api.images.builds;
    assert.ok(build);
    world.api.images.builds.push({ ...build, buildId: 'odd', [name]: 'SOMETHING' });
    const found = items(await ask(operation, withValue(operation, [name], value, world.samples)));
    world.api.images.builds.splice(odd, 1);
    assert.equal(found.length, count);
  }
}

const changesTags = new Set(['TagResource', 'UntagResource']);

/** Tags are kept by the real service and seen by another operation. */
async function tagsNow(): Promise<unknown> {
  return member(await world.send({ name: 'ListTags' }, { Resource: world.connectorArn }), 'Tags');
}

async function assertTagged(operation: OperationModel, path: readonly string[], value: unknown): Promise<void> {
  if (operation.name === 'TagResource') {
    const outcome = await ask(operation, withValue(operation, path, value, world.samples));
    assert.ifError(outcome.error);
    const now = (await tagsNow()) as Readonly<Record<string, string>>;
    for (const [key, text] of Object.entries(path.length === 1 ? (value as object) : { [mapKey]: value })) assert.equal(now[key], text);
    await world.send({ name: 'UntagResource' }, { Resource: world.connectorArn, TagKeys: Object.keys(now) });
    return;
  }
  const keys = Array.isArray(value) ? (value as string[]) : [String(value)];
  await world.send({ name: 'TagResource' }, { Resource: world.connectorArn, Tags: Object.fromEntries([...keys, 'stays'].map((key) => [key, 'v'])) });
  const outcome = await ask(operation, withValue(operation, path, value, world.samples));
  assert.ifError(outcome.error);
  assert.deepEqual(await tagsNow(), { stays: 'v' });
}

for (const operation of model.operations) {
  for (const { path } of pathsOf(operation.input)) {
    const name = `${operation.name}.${pathText(path)}`;
    test(`honours ${name}`, async () => {
      const known = valuesOf(operation.name, path);
      assert.ok(known, `the model has ${name}, for which test/conformance/model/values.ts has no values: is it honoured?`);
      const probe = path.length === 1 ? probes[path[0] ?? ''] : undefined;
      if (probe) return probe(operation);
      for (const value of known.good) {
        if (changesTags.has(operation.name) && path[0] !== 'Resource') {
          await assertTagged(operation, path, value);
          continue;
        }
        const outcome = await ask(operation, withValue(operation, path, value, world.samples));
        const shown = JSON.stringify(value).slice(0, 60);
        assert.notEqual(outcome.error?.name, 'ValidationException', `${shown}: ${outcome.error?.message ?? ''}`);
        if (!ignored.has(name)) assert.ok(isHonoured(outcome, path, value), `${shown} neither reached a service nor is in the answer`);
      }
      if (known.good.length === 1 && !isRequired(operation, path)) {
        const without = await ask(operation, minimal(operation, world.samples));
        assert.ok(!isHonoured(without, path, known.good[0]), 'the check cannot tell its presence from its absence');
      }
    });
  }
}

function isRequired({ input }: OperationModel, path: readonly string[]): boolean {
  return input.kind === 'structure' && input.members[path[0] ?? '']?.required === true;
}

test('what is listed as ignored is in the model', () => {
  const all = new Set(model.operations.flatMap(({ name, input }) => [...pathsOf(input)].map(({ path }) => `${name}.${pathText(path)}`)));
  assert.deepEqual([...ignored].filter((name) => !all.has(name)), []);
});

test('a member that went nowhere is not taken for honoured', async () => {
  const run = model.operations.find(({ name }) => name === 'RunMicrovm');
  assert.ok(run);
  const outcome = await ask(run, { imageIdentifier: imageArn('model-base'), runHookPayload: 'there' });
  assert.ok(isHonoured(outcome, ['runHookPayload'], 'there'));
  for (const [path, value] of [[['runHookPayload'], 'other'], [['hooks', 'runHookPayload'], 'there'], [['executionRoleArn'], 'there']] as const) assert.ok(!isHonoured({ ...outcome, calls: outcome.calls.filter((call) => typeof call[0] === 'object') }, path, value), String(path));
});
