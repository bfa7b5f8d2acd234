import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { readPolicies } from '../../../src/iam/policy.js';
import { assumedRoleArn, createRoleSessions, type RoleSession } from '../../../src/keys/role-sessions.js';

const secret = randomBytes(32);
const session: RoleSession = { microvmId: 'microvm-1', accountId: '123456789012', roleArn: 'arn:aws:iam::123456789012:role/team/app', expiresAt: Date.UTC(2026, 0, 1) };
const policies = readPolicies([]);

function sessions(holds: (session: RoleSession) => boolean = () => true, key = secret) {
  return createRoleSessions({ secret: key, policiesOf: () => policies, holds });
}

test('what is issued is found again, also by the next daemon, and the same for the same session', () => {
  const credentials = sessions().issue(session);
  assert.match(credentials.accessKeyId, /^TDGS[A-Z2-7]{16}$/);
  assert.equal(credentials.secretAccessKey.length, 40);
  assert.deepEqual(sessions().issue(session), credentials);
  assert.deepEqual(sessions().find(credentials.accessKeyId, credentials.sessionToken), {
    ...credentials, accountId: session.accountId, expiresAt: session.expiresAt, policies, principalArn: 'arn:aws:sts::123456789012:assumed-role/app/microvm-1',
  });
});

test('any other session has another key id, secret and token', () => {
  const all = [session, { ...session, microvmId: 'microvm-2' }, { ...session, accountId: '210987654321' }, { ...session, roleArn: `${session.roleArn}2` }, { ...session, expiresAt: session.expiresAt + 1 }].map((one) => sessions().issue(one));
  for (const member of ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const) assert.equal(new Set(all.map((one) => one[member])).size, all.length, member);
});

test('a token is good whole, with its own key id, under our key, and while its MicroVM is there', () => {
  const { accessKeyId, sessionToken } = sessions().issue(session);
  const other = sessions().issue({ ...session, microvmId: 'microvm-2' });
  assert.equal(sessions().find(other.accessKeyId, sessionToken), undefined, 'another key id');
  assert.equal(sessions().find(accessKeyId), undefined, 'no token');
  assert.equal(sessions().find(accessKeyId, ''), undefined);
  assert.equal(sessions().find(accessKeyId, 'A'.repeat(100_000)), undefined);
  assert.equal(sessions().find(accessKeyId, sessionToken.slice(4)), undefined, 'cut');
  assert.equal(sessions().find(accessKeyId, `${sessionToken}\n`), undefined, 'another spelling');
  assert.equal(sessions(undefined, randomBytes(32)).find(accessKeyId, sessionToken), undefined, 'another server');
  const asked: RoleSession[] = [];
  assert.equal(sessions((one) => (asked.push(one), false)).find(accessKeyId, sessionToken), undefined, 'its MicroVM is gone');
  assert.deepEqual(asked, [session]);
  const bytes = Buffer.from(sessionToken, 'base64');
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
    assert.equal(sessions().find(accessKeyId, changed.toString('base64')), undefined, `byte ${i}`);
  }
});

test('who took a role is named as STS does', () => {
  assert.equal(assumedRoleArn('arn:aws-cn:iam::111122223333:role/a/b/name', 'microvm-9'), 'arn:aws-cn:sts::111122223333:assumed-role/name/microvm-9');
});
