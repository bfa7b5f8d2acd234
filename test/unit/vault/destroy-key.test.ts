/** `tardigrade destroy-key`: nothing is destroyed by mistake. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config.js';
import { destroyKeyOf } from '../../../src/daemon/destroy-key.js';
import { lockDataDir } from '../../../src/daemon/lock.js';
import { OperatorError } from '../../../src/errors/index.js';
import { accountsWithKeys, makeAccountKey } from '../../../src/vault/keys.js';

const A = '111111111111';

test('an account, --yes and a stopped service are needed; without them the key stays', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-destroy-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const config = loadConfig({ TARDIGRADE_DATA_DIR: dataDir });
  await makeAccountKey(dataDir, A, randomBytes(32));
  const refused = (accountId: string, yes: boolean, how: RegExp) => assert.rejects(destroyKeyOf({ accountId, yes }, config), (error: unknown) => error instanceof OperatorError && how.test(error.message));
  await refused(A, false, /add --yes/);
  await refused('222222222222', true, /has no key/);
  await refused('../credentials', true, /not an account id/);
  const release = lockDataDir(dataDir);
  await refused(A, true, /another Tardigrade serves/);
  assert.deepEqual(await accountsWithKeys(dataDir), [A]);
  release();

  // The master key is lost: the key can be destroyed all the same.
  assert.match(await destroyKeyOf({ accountId: A, yes: true }, config), /cannot be read any more/);
  assert.deepEqual(await accountsWithKeys(dataDir), []);
});
