/** The installed SDK, the checked-in snapshot of its model, and the server's table of operations are the same service. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { operations } from '../../../src/api/operations/index.js';
import { readSdkModel } from './sdk-model.js';
import { difference, snapshotOf, snapshotPath, type Snapshot } from './snapshot.js';

const model = await readSdkModel();
const installed = snapshotOf(model);

test('the snapshot is of the installed model; `npm run model-diff -- --write` after a review takes a new one', async () => {
  const snapshot = JSON.parse(await readFile(snapshotPath, 'utf8')) as Snapshot;
  assert.deepEqual(difference(snapshot, installed), []);
});

test('a difference shows on both sides', () => {
  const [first = '', ...rest] = installed.facts;
  assert.deepEqual(difference({ sdk: '0', facts: rest }, installed), [`+ ${first}`]);
  assert.deepEqual(difference(installed, { sdk: '0', facts: rest }), [`- ${first}`]);
});

test('the model is read whole: 24 operations, each with errors and an input', () => {
  assert.equal(model.operations.length, 24);
  for (const { name, input, throws } of model.operations) {
    assert.equal(input.kind, 'structure', name);
    assert.ok(throws.includes('AccessDeniedException') && throws.includes('ValidationException'), name);
  }
  assert.equal(Object.keys(model.errors).length, 12);
});

test('the server has every operation of the model, with its method, path and status, and the five of lambda-core besides', () => {
  const routes = (list: readonly { name: string; method: string; path: string; status: number }[]) => list.map(({ name, method, path, status }) => `${name} ${method} ${path} ${status}`).sort();
  assert.deepEqual(routes(operations.filter(({ path }) => !path.startsWith('/2026-04-04/'))), routes(model.operations));
  assert.equal(operations.length, model.operations.length + 5);
});
