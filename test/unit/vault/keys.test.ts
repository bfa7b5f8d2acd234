import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OperatorError } from '../../../src/errors/index.js';
import { accountKeysDir, accountsWithKeys, destroyAccountKey, makeAccountKey, masterKeyFile, readAccountKey, readMasterKey } from '../../../src/vault/keys.js';

const A = '111111111111';
const B = '222222222222';

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-vault-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

test('keys are random, kept wrapped in files of their owner alone, and read again', async (t) => {
  const dir = await folder(t);
  const master = await readMasterKey(masterKeyFile(dir), true);
  assert.deepEqual(await readMasterKey(masterKeyFile(dir), true), master, 'made once');
  const keys = [await makeAccountKey(dir, B, master), await makeAccountKey(dir, A, master)];
  assert.notDeepEqual(keys[0], keys[1]);
  assert.deepEqual(await accountsWithKeys(dir), [A, B]);
  assert.deepEqual(await readAccountKey(dir, A, master), keys[1]);
  for (const name of await readdir(accountKeysDir(dir))) {
    const path = join(accountKeysDir(dir), name);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const bytes = await readFile(path);
    for (const key of keys) for (const form of [key, Buffer.from(key.toString('base64')), Buffer.from(key.toString('hex'))]) assert.ok(!bytes.includes(form.subarray(0, 16)));
  }
  assert.equal((await stat(masterKeyFile(dir))).mode & 0o777, 0o600);
  assert.equal((await stat(accountKeysDir(dir))).mode & 0o777, 0o700);
});

test('another master key, another account\'s file and damaged files are refused without their values', async (t) => {
  const dir = await folder(t);
  const master = randomBytes(32);
  await makeAccountKey(dir, A, master);
  const path = join(accountKeysDir(dir), `${A}.json`);
  const text = await readFile(path, 'utf8');
  const refused = (accountId: string, key: Buffer) => assert.rejects(readAccountKey(dir, accountId, key), (error: unknown) => {
    assert.ok(error instanceof OperatorError);
    const { key: wrapped } = JSON.parse(text) as { key: string };
    return error.message.includes(accountId) && !error.message.includes(wrapped.slice(0, 12));
  });
  await refused(A, randomBytes(32));
  await copyFile(path, join(accountKeysDir(dir), `${B}.json`));
  await refused(B, master);
  for (const member of ['nonce', 'key', 'tag'] as const) {
    const content = JSON.parse(text) as Record<string, string>;
    const bytes = Buffer.from(content[member] ?? '', 'base64');
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    await writeFile(path, JSON.stringify({ ...content, [member]: bytes.toString('base64') }));
    await refused(A, master);
  }
  await writeFile(path, text.slice(0, 40));
  await refused(A, master);
});

test('a master key that is missing, short or open to others is refused', async (t) => {
  const dir = await folder(t);
  const path = join(dir, 'master');
  await assert.rejects(readMasterKey(path, false), /cannot be read/);
  await writeFile(path, randomBytes(31), { mode: 0o600 });
  await assert.rejects(readMasterKey(path, false), /31 bytes/);
  await writeFile(path, randomBytes(32));
  await chmod(path, 0o640);
  await assert.rejects(readMasterKey(path, false), /mode 640/);
});

test('a destroyed key leaves no file, and the next one is another', async (t) => {
  const dir = await folder(t);
  const master = randomBytes(32);
  const first = await makeAccountKey(dir, A, master);
  assert.equal(await destroyAccountKey(dir, A), true);
  assert.deepEqual(await readdir(accountKeysDir(dir)), []);
  assert.equal(await destroyAccountKey(dir, A), false);
  assert.notDeepEqual(await makeAccountKey(dir, A, master), first);
  await assert.rejects(destroyAccountKey(dir, '../../etc/x'), /not an account id/);
});
