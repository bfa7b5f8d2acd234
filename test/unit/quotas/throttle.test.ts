import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ThrottledError } from '../../../src/errors/index.js';
import { awsLimits, unlimited } from '../../../src/quotas/defaults.js';
import { createThrottle } from '../../../src/quotas/throttle.js';

/** How many of `n` requests pass. */
function passing(n: number, take: () => void): number {
  let passed = 0;
  for (let i = 0; i < n; i++) {
    try {
      take();
      passed++;
    } catch (error) {
      assert.ok(error instanceof ThrottledError);
    }
  }
  return passed;
}

test('AWS rates: a burst, then as many per second as it refills; accounts and operations apart', () => {
  let now = 0;
  const throttle = createThrottle(awsLimits('us-east-1'), () => now);
  const run = (account = 'a') => throttle.take(account, 'RunMicrovm');
  assert.equal(passing(20, run), 5);
  assert.equal(passing(20, () => run('b')), 5);
  assert.equal(passing(20, () => throttle.take('a', 'SuspendMicrovm')), 2);
  assert.equal(passing(200, () => throttle.take('a', 'GetMicrovm')), 100);
  now += 400;
  assert.equal(passing(20, run), 2);
  now += 3_600_000;
  assert.equal(passing(20, run), 5);
});

test('the refusal says when to come back, and the quota', () => {
  let now = 0;
  const throttle = createThrottle({ ...unlimited, rates: { RunMicrovm: { perSecond: 0.25, burst: 1 } } }, () => now);
  throttle.take('a', 'RunMicrovm');
  const refused = (error: unknown): boolean => error instanceof ThrottledError && error.retryAfterSeconds === 4 && error.quotaCode === 'L-535CA9B6';
  assert.throws(() => throttle.take('a', 'RunMicrovm'), refused);
  now += 4000;
  throttle.take('a', 'RunMicrovm');
});

test('operations without a rate of their own: reads and writes; unlimited: none', () => {
  const throttle = createThrottle(awsLimits('us-east-1'), () => 0);
  assert.equal(passing(500, () => throttle.take('a', 'ListMicrovmImages')), 100);
  assert.equal(passing(500, () => throttle.take('a', 'CreateMicrovmImage')), 15);
  const free = createThrottle(unlimited, () => 0);
  assert.equal(passing(500, () => free.take('a', 'RunMicrovm')), 500);
});

test('over any run of time, no more pass than the burst and what was refilled', () => {
  const rate = fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) });
  fc.assert(fc.property(rate, fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 200 }), (given, waits) => {
    let now = 0;
    const throttle = createThrottle({ ...unlimited, rates: { Op: given } }, () => now);
    const passed = waits.reduce((sum, wait) => {
      now += wait;
      return sum + passing(3, () => throttle.take('a', 'Op'));
    }, 0);
    assert.ok(passed <= given.burst + (now / 1000) * given.perSecond + 1e-6);
  }));
});
