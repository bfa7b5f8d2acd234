import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { LruMap } from '../../../src/collections/lru-map.js';
import { createTokenService } from '../../../src/endpoint/tokens.js';
import { Fault, OperatorError, ValidationError } from '../../../src/errors/index.js';
import { scratchDir } from './harness.js';

const grant = { microvmId: 'microvm-a', allowedPorts: [{ port: 80 }, { range: { startPort: 3000, endPort: 3010 } }], expiresInMinutes: 10 };

test('a token carries its MicroVM, ports and expiry, and shows none of them', async (t) => {
  const dataDir = await scratchDir(t);
  const clock = { now: () => 1_000_000 };
  const tokens = await createTokenService({ dataDir, clock });
  const token = await tokens.issueAppToken(grant);
  assert.match(token, /^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
  const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
  assert.match(header, /^\{"kid":"[0-9a-f-]{36}","alg":"dir","enc":"A256GCM"\}$/);
  assert.deepEqual(await tokens.verify(token), {
    kind: 'valid',
    claims: { microvmId: 'microvm-a', kind: 'app', ports: [{ from: 80, to: 80 }, { from: 3000, to: 3010 }], issuedAt: 1_000_000, expiresAt: 1_600_000 },
  });
  const all = await tokens.verify(await tokens.issueAppToken({ ...grant, allowedPorts: [{ allPorts: {} }] }));
  assert.deepEqual(all.kind === 'valid' && all.claims.ports, [{ from: 1, to: 65535 }]);
});

test('a shell token says so and has no ports', async (t) => {
  const tokens = await createTokenService({ dataDir: await scratchDir(t), clock: { now: () => 0 } });
  const token = await tokens.issueShellToken({ microvmId: 'microvm-a', expiresInMinutes: 60 });
  assert.deepEqual(await tokens.verify(token), { kind: 'valid', claims: { microvmId: 'microvm-a', kind: 'shell', ports: [], issuedAt: 0, expiresAt: 3_600_000 } });
  for (const expiresInMinutes of [0, 61]) await assert.rejects(tokens.issueShellToken({ microvmId: 'microvm-a', expiresInMinutes }), Fault);
});

test('a token ends at its expiry, also when it was verified before', async (t) => {
  let now = 0;
  const tokens = await createTokenService({ dataDir: await scratchDir(t), clock: { now: () => now } });
  const token = await tokens.issueAppToken(grant);
  now = 599_999;
  assert.equal((await tokens.verify(token)).kind, 'valid');
  now = 600_000;
  assert.deepEqual(await tokens.verify(token), { kind: 'expired' });
  assert.deepEqual(await tokens.verify(token), { kind: 'expired' });
});

test('a token altered anywhere is unreadable', async (t) => {
  const tokens = await createTokenService({ dataDir: await scratchDir(t), clock: { now: () => 0 } });
  const token = await tokens.issueAppToken(grant);
  for (let i = 0; i < token.length; i += 1) {
    const old = token[i] ?? '';
    // The first bit of a character always counts; the last ones may be padding.
    const other = /[A-Za-f]/.test(old) ? '_' : 'A';
    const altered = token.slice(0, i) + other + token.slice(i + 1);
    assert.deepEqual(await tokens.verify(altered), { kind: 'unreadable' }, `character ${i}`);
  }
  for (const garbage of ['', '.', '....', 'a.b.c.d.e', `${token}.`, token.slice(1), 'x'.repeat(100_000), 'é']) {
    assert.deepEqual(await tokens.verify(garbage), { kind: 'unreadable' });
  }
});

test('tokens of other keys and of no encryption are unreadable', async (t) => {
  const clock = { now: () => 0 };
  const ours = await createTokenService({ dataDir: await scratchDir(t), clock });
  const theirs = await createTokenService({ dataDir: await scratchDir(t), clock });
  assert.deepEqual(await ours.verify(await theirs.issueAppToken(grant)), { kind: 'unreadable' });
  const plain = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(grant)).toString('base64url')}.`;
  assert.deepEqual(await ours.verify(plain), { kind: 'unreadable' });
});

test('keys are kept across restarts in a file of the owner alone, and replaced ones still decrypt', async (t) => {
  const dataDir = await scratchDir(t);
  const clock = { now: () => 0 };
  const path = join(dataDir, 'keys', 'token-keys.json');
  const token = await (await createTokenService({ dataDir, clock })).issueAppToken(grant);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(dataDir, 'keys'))).mode & 0o777, 0o700);
  assert.equal((await (await createTokenService({ dataDir, clock })).verify(token)).kind, 'valid');

  const file = JSON.parse(await readFile(path, 'utf8')) as { current: string; keys: { kid: string; key: string }[] };
  const rotated = { current: 'new', keys: [{ kid: 'new', key: Buffer.alloc(32, 1).toString('base64url') }, ...file.keys] };
  await writeFile(path, JSON.stringify(rotated));
  const after = await createTokenService({ dataDir, clock });
  assert.equal((await after.verify(token)).kind, 'valid');
  assert.match(Buffer.from((await after.issueAppToken(grant)).split('.')[0] ?? '', 'base64url').toString(), /"kid":"new"/);
});

test('a key file that is damaged or open to others is refused without its values', async (t) => {
  const dataDir = await scratchDir(t);
  const clock = { now: () => 0 };
  const path = join(dataDir, 'keys', 'token-keys.json');
  await createTokenService({ dataDir, clock });
  await chmod(path, 0o640);
  await assert.rejects(createTokenService({ dataDir, clock }), (error: Error) => error instanceof OperatorError && /mode 640.*chmod 600/.test(error.message));
  await chmod(path, 0o600);
  for (const text of ['', '{"current":"secret', '{"current":"a","keys":[]}', '{"current":"a","keys":[{"kid":"b","key":"c2VjcmV0"}]}']) {
    await writeFile(path, text);
    await assert.rejects(createTokenService({ dataDir, clock }), (error: Error) => error instanceof OperatorError && /is damaged/.test(error.message) && !/secret|c2VjcmV0/.test(error.message));
  }
});

test('impossible grants are refused', async (t) => {
  const tokens = await createTokenService({ dataDir: await scratchDir(t), clock: { now: () => 0 } });
  for (const expiresInMinutes of [0, 61, 1.5, Number.NaN]) await assert.rejects(tokens.issueAppToken({ ...grant, expiresInMinutes }), Fault);
  await assert.rejects(tokens.issueAppToken({ ...grant, allowedPorts: [{ range: { startPort: 2, endPort: 1 } }] }), ValidationError);
});

test('the map forgets the entry unused for longest', () => {
  const map = new LruMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2]);
});
