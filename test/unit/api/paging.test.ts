import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../../src/api/idempotency.js';
import { createPager, pageOf } from '../../../src/api/paging.js';
import { ValidationError } from '../../../src/errors/index.js';

const scope = { operation: 'ListMicrovms', accountId: '123456789012' };

test('a token gives its key back, to its own list alone', () => {
  const pager = createPager(Buffer.alloc(32, 1));
  const token = pager.token(scope, { next: 'key-ü' });
  assert.match(token ?? '', /^[A-Za-z0-9_-]+$/);
  assert.deepEqual(pager.request(scope, { maxResults: 5, nextToken: token }), { limit: 5, after: 'key-ü' });
  assert.equal(pager.token(scope, { next: undefined }), undefined);
  const others = [{ ...scope, accountId: '210987654321' }, { ...scope, operation: 'ListMicrovmImages' }, { ...scope, of: 'x' }];
  for (const other of others) assert.throws(() => pager.request(other, { maxResults: 5, nextToken: token }), ValidationError);
  for (const bad of ['', 'x', `${token ?? ''}AA`]) assert.throws(() => pager.request(scope, { maxResults: 5, nextToken: bad }), ValidationError);
  assert.throws(() => createPager(Buffer.alloc(32, 2)).request(scope, { maxResults: 5, nextToken: token }), ValidationError);
});

test('pages of a whole list meet without gap or repeat', () => {
  const items = ['a', 'b', 'c'];
  const self = (item: string) => item;
  assert.deepEqual(pageOf(items, self, { limit: 2 }), { items: ['a', 'b'], next: 'b' });
  assert.deepEqual(pageOf(items, self, { limit: 2, after: 'b' }), { items: ['c'], next: undefined });
  assert.deepEqual(pageOf(items, self, { limit: 3 }), { items, next: undefined });
});

test('equal inputs have one canonical text', () => {
  assert.equal(canonicalJson({ b: [1, { d: 1, c: undefined }], a: 'x' }), canonicalJson({ a: 'x', b: [1, { d: 1 }] }));
  assert.notEqual(canonicalJson({ a: ['1'] }), canonicalJson({ a: [1] }));
});
