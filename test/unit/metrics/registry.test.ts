import assert from 'node:assert/strict';
import test from 'node:test';
import { FAULT_KINDS, STEPS } from '../../../src/metrics/contracts.js';
import { createMetrics } from '../../../src/metrics/registry.js';
import type { MicrovmState } from '../../../src/store/contracts.js';

/** Series by name and labels, as a scraper reads them. */
async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

test('every kind of fault and every step has a series from the start, and counts from 0', async () => {
  const metrics = createMetrics({ microvmsByState: () => ({}) });
  const before = await scrape(metrics);
  for (const kind of FAULT_KINDS) assert.equal(before.get(`tardigrade_microvm_faults_total{kind="${kind}"}`), 0);
  for (const step of STEPS) assert.equal(before.get(`tardigrade_step_seconds_count{step="${step}"}`), 0);

  metrics.fault('out-of-memory');
  metrics.fault('out-of-memory');
  metrics.transition('RUNNING');
  metrics.observe('launch', 0.24);
  metrics.suspended({ dirtyPages: 1175, bytes: 4_826_000 });
  metrics.storeWriteFailed();
  metrics.clockStepped();
  const after = await scrape(metrics);
  const changed = [...after].filter(([series, value]) => before.get(series) !== value);
  assert.deepEqual(new Map(changed.filter(([series]) => !series.includes('_bucket'))), new Map([
    ['tardigrade_microvm_faults_total{kind="out-of-memory"}', 2],
    ['tardigrade_microvm_transitions_total{to="RUNNING"}', 1],
    ['tardigrade_step_seconds_sum{step="launch"}', 0.24],
    ['tardigrade_step_seconds_count{step="launch"}', 1],
    ['tardigrade_suspend_dirty_pages_sum', 1175],
    ['tardigrade_suspend_dirty_pages_count', 1],
    ['tardigrade_suspend_bytes_total', 4_826_000],
    ['tardigrade_store_write_failures_total', 1],
    ['tardigrade_clock_steps_total', 1],
  ]));
  assert.equal(after.get('tardigrade_step_seconds_bucket{le="0.2",step="launch"}'), 0);
  assert.equal(after.get('tardigrade_step_seconds_bucket{le="0.3",step="launch"}'), 1);
});

test('MicroVMs by state are asked for at each scrape; a state that empties shows 0', async () => {
  let counts: Partial<Record<MicrovmState, number>> = { RUNNING: 3, SUSPENDED: 1 };
  const metrics = createMetrics({ microvmsByState: () => counts });
  assert.equal((await scrape(metrics)).get('tardigrade_microvms{state="RUNNING"}'), 3);
  counts = { SUSPENDED: 4 };
  const later = await scrape(metrics);
  assert.equal(later.get('tardigrade_microvms{state="RUNNING"}'), 0);
  assert.equal(later.get('tardigrade_microvms{state="SUSPENDED"}'), 4);
});

test('a duration that is none is not observed', async () => {
  const metrics = createMetrics({ microvmsByState: () => ({}) });
  metrics.observe('resume', NaN);
  metrics.observe('resume', -3600);
  assert.equal((await scrape(metrics)).get('tardigrade_step_seconds_count{step="resume"}'), 0);
});

test('two registries do not mix', async () => {
  const [one, two] = [createMetrics({ microvmsByState: () => ({}) }), createMetrics({ microvmsByState: () => ({}) })];
  one.fault('guest-panic');
  assert.equal((await scrape(two)).get('tardigrade_microvm_faults_total{kind="guest-panic"}'), 0);
});
