import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createSessionTokens, MAX_TTL } from '../../../src/metadata/tokens.js';

const secret = randomBytes(32);

test('a token has 48 characters and is good for its time, for its MicroVM, and after a restart', () => {
  let now = 1_000;
  const tokens = () => createSessionTokens(secret, () => now);
  const token = tokens().issue('microvm-1', 60);
  assert.match(token, /^[A-Za-z0-9+/]{48}$/);
  assert.ok(tokens().isValid('microvm-1', token));
  assert.ok(!tokens().isValid('microvm-2', token));
  assert.ok(!createSessionTokens(randomBytes(32), () => now).isValid('microvm-1', token));
  now += 59_999;
  assert.ok(tokens().isValid('microvm-1', token));
  now += 1;
  assert.ok(!tokens().isValid('microvm-1', token));
});

test('no two tokens are the same, and nothing that is changed is one', () => {
  const tokens = createSessionTokens(secret, () => 0);
  const token = tokens.issue('microvm-1', MAX_TTL);
  assert.notEqual(tokens.issue('microvm-1', MAX_TTL), token);
  for (let i = 0; i < 36; i++) {
    const bytes = Buffer.from(token, 'base64');
    bytes.writeUInt8(bytes.readUInt8(i) ^ 0x80, i);
    assert.ok(!tokens.isValid('microvm-1', bytes.toString('base64')), `byte ${i}`);
  }
  for (const other of ['', 'foo', `${token}A`, token.slice(0, -1), `${token.slice(0, -1)}=`, ` ${token}`]) assert.ok(!tokens.isValid('microvm-1', other), other);
});
