import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile, percentiles } from '../../../src/check/percentiles.js';

test('percentiles are values that were seen, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(percentiles(hundred), { n: 100, min: 1, p50: 50, p90: 90, p99: 99, max: 100 });
  assert.deepEqual(percentiles([30, 10, 20]), { n: 3, min: 10, p50: 20, p90: 30, p99: 30, max: 30 });
  assert.deepEqual(percentiles([7]), { n: 1, min: 7, p50: 7, p90: 7, p99: 7, max: 7 });
});

test('ten samples: the 99th percentile is the worst, the 90th the one before', () => {
  const samples = [10, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  assert.equal(percentile(samples, 0.99), 10);
  assert.equal(percentile(samples, 0.9), 9);
  assert.deepEqual(samples[0], 10, 'the samples are left in their order');
});

test('no samples have no percentiles', () => {
  assert.ok(Number.isNaN(percentiles([]).p50));
});
