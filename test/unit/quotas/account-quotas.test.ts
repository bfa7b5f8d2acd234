/** Over the real store. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { InsufficientCapacityError, QuotaExceededError } from '../../../src/errors/index.js';
import { createAccountQuotas } from '../../../src/quotas/account-quotas.js';
import type { Limits } from '../../../src/quotas/contracts.js';
import { unlimited } from '../../../src/quotas/defaults.js';
import type { MicrovmState, Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';

const accountId = '123456789012';
const arn = (name: string): string => `arn:aws:lambda:us-east-1:${accountId}:microvm-image:${name}`;

async function newStore(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-quotas-'));
  const store = openStore(join(dir, 'tardigrade.db'));
  t.after(async () => {
    store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

function addImage(store: Store, name: string, memoryMiB?: number): void {
  const times = { createdAt: 1, updatedAt: 1 };
  store.insertImage({ accountId, name, arn: arn(name), state: 'CREATED', tags: {}, ...times });
  const resources = memoryMiB === undefined ? undefined : [{ minimumMemoryInMiB: memoryMiB }];
  const config = { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' }, resources };
  store.insertVersion({ imageArn: arn(name), version: '1.0', state: 'SUCCESSFUL', status: 'ACTIVE', config, ...times });
}

let count = 0;
function addMicrovm(store: Store, name: string, state: MicrovmState, account = accountId): void {
  const id = `microvm-${count++}`;
  store.insertMicrovm({
    id, accountId: account, endpointLabel: id, state, imageArn: arn(name), imageVersion: '1.0', maximumDurationInSeconds: 60,
    ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 1, startedSteady: 1, resumeOnStart: false,
  });
}

function quotas(store: Store, limits: Partial<Limits>, hostAvailableMiB = 1_000_000) {
  return createAccountQuotas({ limits: { ...unlimited, ...limits }, store, hostAvailableMiB: () => hostAvailableMiB });
}

const exceeded = (code: string) => (error: unknown) => error instanceof QuotaExceededError && error.quotaCode === code;

test('images of an account, versions of an image', async (t) => {
  const store = await newStore(t);
  addImage(store, 'one');
  const two = quotas(store, { images: 2, versionsPerImage: 1 });
  two.admitImage(accountId);
  addImage(store, 'two');
  assert.throws(() => two.admitImage(accountId), exceeded('L-942E56BE'));
  two.admitImage('210987654321');
  assert.throws(() => two.admitVersion(arn('one')), exceeded('L-F8BECE9C'));
  quotas(store, {}).admitImage(accountId);
});

test('memory of the account’s MicroVMs that are not ending, by their images’ sizes', async (t) => {
  const store = await newStore(t);
  addImage(store, 'small', 512);
  addImage(store, 'plain');
  for (const state of ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING', 'TERMINATED'] as const) addMicrovm(store, 'small', state);
  addMicrovm(store, 'plain', 'RUNNING');
  addMicrovm(store, 'plain', 'RUNNING', '210987654321');
  assert.equal(store.liveMemoryMiB(accountId), 4 * 512 + 2048);
  quotas(store, { memoryMiB: 4096 + 512 }).admitMicrovm(accountId, 512);
  assert.throws(() => quotas(store, { memoryMiB: 4096 + 511 }).admitMicrovm(accountId, 512), exceeded('L-CD1C0CC4'));
});

test('a host without room refuses in every profile', async (t) => {
  const store = await newStore(t);
  quotas(store, {}, 2048 + 512).admitMicrovm(accountId, 2048);
  assert.throws(() => quotas(store, {}, 2048 + 511).admitMicrovm(accountId, 2048), InsufficientCapacityError);
  quotas(store, { hostMarginMiB: null }, 1).admitMicrovm(accountId, 2048);
});
