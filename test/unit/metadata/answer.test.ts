/** Whatever a guest sends, it gets one of a few answers, and no credentials without a token of its own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer, type AnswerDeps } from '../../../src/metadata/answer.js';
import { createSessionTokens } from '../../../src/metadata/tokens.js';

const SECRET = 'the-secret-access-key';
const tokens = createSessionTokens(randomBytes(32), () => 0);
const deps: AnswerDeps = {
  tokens, region: 'us-east-1', zoneId: 'use1-az1',
  credentials: { credentialsOf: () => Promise.resolve({ accessKeyId: 'ID', secretAccessKey: SECRET, token: 'T', lastUpdated: 0, expiration: 1 }) },
  tagsOf: () => ({ 'a/b': 'c' }),
  now: () => 0,
  failed: () => assert.fail('the role can be taken'),
};
const subject = { id: 'microvm-1', accountId: '123456789012', imageArn: 'arn:image', executionRoleArn: 'arn:aws:iam::123456789012:role/x', startedAt: 0 };
const DOCUMENT = '/latest/meta-data/iam/security-credentials/execution_role';

const word = fc.constantFrom('latest', 'meta-data', 'iam', 'security-credentials', 'execution_role', 'api', 'token', 'tags', 'instance', 'a', 'b', '..', '.', '', '%2e%2e', '%2f', '%00', '%zz', '__proto__', 'constructor');
const target = fc.oneof(fc.array(word, { maxLength: 8 }).map((words) => `/${words.join('/')}`), fc.string({ unit: 'grapheme' }), fc.webUrl(), fc.constant(DOCUMENT));
const foreign = tokens.issue('microvm-2', 60);
const value = fc.oneof(fc.string(), fc.constantFrom(foreign, foreign.slice(1), '60', '0', '-1', '1e3', '99999', ' 60'));
const headers = fc.dictionary(fc.constantFrom('x-aws-ec2-metadata-token', 'x-metadata-token', 'x-aws-ec2-metadata-token-ttl-seconds', 'x-metadata-token-ttl-seconds', 'x-forwarded-for', 'accept', 'host'), value, { noNullPrototype: true });
const method = fc.constantFrom('GET', 'PUT', 'POST', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'get', 'X');

test('5,000 requests of every form', async () => {
  await fc.assert(fc.asyncProperty(method, target, headers, async (verb, path, sent) => {
    const { status, body } = await answer(deps, subject, { method: verb, target: path, headers: sent });
    assert.ok([200, 400, 401, 404, 405].includes(status), String(status));
    assert.ok(!body.includes(SECRET), 'without a token of its own');
    if (status === 200) assert.ok(verb === 'PUT' && !('x-forwarded-for' in sent) && tokens.isValid(subject.id, body));
    assert.ok(body.length < 600, 'little of what was sent comes back');
  }), { numRuns: 5_000 });
});

test('with a token, only the document holds the credentials', async () => {
  const token = tokens.issue(subject.id, 60);
  await fc.assert(fc.asyncProperty(target, async (path) => {
    const { status, body } = await answer(deps, subject, { method: 'GET', target: path, headers: { 'x-aws-ec2-metadata-token': token } });
    assert.ok([200, 400, 404].includes(status), String(status));
    if (body.includes(SECRET)) assert.match(decodeURIComponent(path.split('?')[0] ?? ''), /\/execution_role\/*$/);
  }), { numRuns: 2_000 });
});
