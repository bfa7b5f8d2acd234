/** Quotas are asked right before a record is made, and a refusal leaves none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuotaExceededError } from '../../../src/errors/index.js';
import { createAccountQuotas } from '../../../src/quotas/account-quotas.js';
import { unlimited } from '../../../src/quotas/defaults.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import { join } from 'node:path';
import { scratch } from './support/scratch.js';
import { input, until, WHO, world } from './support/world.js';

test('one image too many, one version too many', async (t) => {
  const dataDir = await scratch(t);
  const store = openStore(join(dataDir, 'db.sqlite'));
  const quotas = createAccountQuotas({ limits: { ...unlimited, images: 1, versionsPerImage: 1 }, store });
  const { images } = await world(t, { dataDir, store, quotas });
  const { image } = images.create(WHO, input('one'));
  assert.throws(() => images.create(WHO, input('two')), QuotaExceededError);
  assert.deepEqual(images.list(WHO, { limit: 10 }).items.map(({ name }) => name), ['one']);
  await until(() => images.get(WHO, image.arn).state !== 'CREATING');
  const { config } = input('one');
  assert.throws(() => images.update(WHO, image.arn, config), QuotaExceededError);
  assert.deepEqual(images.listVersions(WHO, image.arn, { limit: 10 }).items.map(({ version }) => version), ['1.0']);
  assert.notEqual(images.get(WHO, image.arn).state, 'UPDATING');
  await images.shutdown();
  store.close();
});
