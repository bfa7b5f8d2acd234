/** What findings come to, and how an attempt becomes one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, NotPossible } from '../../../src/check/attempt.js';
import { after } from '../../../src/check/cleanup-cases/case.js';
import { finding, info, notChecked, overall, verdictOf } from '../../../src/check/findings.js';
import { ApiError } from '../../../src/daemon/remote.js';
import { OperatorError } from '../../../src/errors/index.js';

const held = finding('a', 'x', 'x', true);
const failed = finding('b', 'x', 'y', false);
const open = notChecked('c', 'x', 'no root');

test('one failure fails a section; nothing that held leaves it incomplete', () => {
  assert.equal(verdictOf([held, open, info('d', '1')]), 'pass');
  assert.equal(verdictOf([held, failed]), 'fail');
  assert.equal(verdictOf([open, info('d', '1')]), 'incomplete');
  assert.equal(verdictOf([]), 'incomplete');
});

test('a report passes when all sections do', () => {
  assert.equal(overall(['pass', 'pass']), 'pass');
  assert.equal(overall(['pass', 'incomplete']), 'incomplete');
  assert.equal(overall(['incomplete', 'fail']), 'fail');
  assert.equal(overall([]), 'incomplete');
});

test('an attempt that breaks is a finding of its own', async () => {
  const { signal } = new AbortController();
  const outcomes = await Promise.all([
    () => Promise.resolve({ seen: 'HTTP 403', held: true }),
    () => Promise.resolve({ seen: 'HTTP 200', held: false }),
    () => Promise.reject(new NotPossible('no shell')),
    () => Promise.reject(new OperatorError('cannot run go')),
    () => Promise.reject(new ApiError('ThrottlingException', 'too fast')),
  ].map((work) => attempt('one', 'HTTP 403', signal, work)));
  assert.deepEqual(outcomes.map(({ outcome, seen }) => [outcome, seen]), [
    ['held', 'HTTP 403'], ['failed', 'HTTP 200'], ['not-checked', 'no shell'], ['not-checked', 'cannot run go'], ['failed', 'ThrottlingException: too fast'],
  ]);
});

test('an attempt that was broken off is no finding', async () => {
  const broken = AbortSignal.abort(new Error('broken off'));
  await assert.rejects(attempt('one', '', broken, () => Promise.reject(new Error('anything'))), /broken off/);
});

test('an end must come in time, neither early nor much late', () => {
  assert.deepEqual([58, 59.5, 60, 74, 76].map((seconds) => after(seconds, 60).held), [false, true, true, true, false]);
  assert.equal(after(Number.NaN, 60).held, false);
});
