import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OperatorError } from '../../../src/errors/index.js';
import { loadOrCreateCredentials } from '../../../src/keys/credentials.js';

test('keys are made once, for the owner alone; a damaged or open file is refused without its secrets', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-keys-'));
  t.after(() => rm(dir, { recursive: true }));
  const [made, raced] = await Promise.all([loadOrCreateCredentials(dir), loadOrCreateCredentials(dir)]);
  assert.deepEqual(made, raced);
  assert.deepEqual(await loadOrCreateCredentials(dir), made);
  assert.match(made[0]?.accessKeyId ?? '', /^TDGK[A-Z2-7]{16}$/);
  assert.equal(made[0]?.secretAccessKey.length, 40);
  assert.deepEqual(await readdir(dir), ['credentials.json']);
  const path = join(dir, 'credentials.json');
  assert.equal((await stat(path)).mode & 0o777, 0o600);

  await chmod(path, 0o640);
  await assert.rejects(loadOrCreateCredentials(dir), (error) => error instanceof OperatorError && error.message.includes('chmod 600'));
  await chmod(path, 0o600);
  await writeFile(path, '[{"accessKeyId":"no","secretAccessKey":"hush-hush-hush-hush"}]');
  await assert.rejects(loadOrCreateCredentials(dir), (error) => error instanceof OperatorError && !error.message.includes('hush'));
  await writeFile(path, 'not json');
  await assert.rejects(loadOrCreateCredentials(dir), OperatorError);
});
