import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesArn, matchesWildcard } from '../../../src/iam/wildcard.js';

/** The oracle: the same pattern as a regular expression. */
function byRegExp(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^]*').replaceAll('?', '[^]');
  return new RegExp(`^${source}$`).test(text);
}

test('any pattern over a small alphabet matches as a regular expression does', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 });
  fc.assert(fc.property(pattern, text, (p, t) => assert.equal(matchesWildcard(p, t), byRegExp(p, t))), { numRuns: 3000 });
});

test('a text with some of it starred out still matches; one with a character changed does not', () => {
  const text = fc.string({ unit: fc.constantFrom('x', 'y', '-', '1'), minLength: 1, maxLength: 30 });
  fc.assert(fc.property(text, fc.nat(), fc.nat(), (t, a, b) => {
    const [from, to] = [a % (t.length + 1), b % (t.length + 1)].sort((m, n) => m - n) as [number, number];
    assert.ok(matchesWildcard(`${t.slice(0, from)}*${t.slice(to)}`, t));
    const at = a % t.length;
    assert.ok(matchesWildcard(`${t.slice(0, at)}?${t.slice(at + 1)}`, t));
    assert.ok(!matchesWildcard(`${t.slice(0, at)}!${t.slice(at + 1)}`, t));
  }));
});

test('many stars against a long text that never matches end soon', () => {
  assert.equal(matchesWildcard(`${'*a'.repeat(200)}b`, 'a'.repeat(5000)), false);
});

test('in an ARN a star stays within its part', () => {
  const arn = 'arn:aws:lambda:us-east-1:123456789012:microvm-image:web';
  for (const pattern of ['*', arn, 'arn:aws:lambda:*:123456789012:microvm-image:*', 'arn:aws:lambda:us-east-?:*:*', 'arn:*:*:*:*:*eb']) assert.ok(matchesArn(pattern, arn), pattern);
  for (const pattern of ['arn:*', 'arn:aws:lambda:*:web', 'arn:aws:lambda:us-east-1:123456789012:microvm-image:we', 'arn:aws:s3:*:*:*']) assert.ok(!matchesArn(pattern, arn), pattern);
  assert.ok(matchesArn('arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket/a/b:c'));
  assert.ok(!matchesArn(arn, '*'));
  assert.ok(matchesArn('*', '*'));
});
