import assert from 'node:assert/strict';
import test from 'node:test';
import type { UsageAmounts } from '../../../src/store/contracts.js';
import { NOTHING } from '../../../src/usage/ledger.js';
import { insertImage, insertMicrovm, MIB, NOON, openScratchStore, settle, World } from './support.js';

const rounded = (amounts: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value * 1000) / 1000 : (value as unknown)]));

/** What the store holds of a MicroVM, day by day, without members that are 0. */
function daysOf(world: World, id: string): Record<string, unknown>[] {
  return world.store.usageOfMicrovm(id).map((day) =>
    Object.fromEntries(Object.entries(rounded(day)).filter(([name, value]) => !['microvmId', 'accountId', 'memoryMiB'].includes(name) && value !== 0)));
}

test('a life: launch, work above the baseline, suspend, resume, end', async (t) => {
  const world = new World(await openScratchStore(t));
  insertImage(world.store); // 512 MiB, 0.25 vCPU
  const vm = insertMicrovm(world.store, 'a');
  world.meter.start();
  world.process(7, 0.3, 40);
  world.meter.running(vm, 7);
  await settle();
  world.process(7, 1.3, 100); // 1 CPU second in 10 s: 0.1 of a CPU
  await world.pass(10);
  await world.meter.refresh();
  world.process(7, 11.3, 612); // all of a CPU for 10 s, 100 MiB above the baseline
  await world.pass(5);
  await world.pass(5);
  await world.meter.leaving('a');
  world.meter.suspended('a', 30 * MIB);
  await settle();
  await world.pass(100);
  world.process(8, 0.2, 40);
  world.meter.running(vm, 8);
  await settle();
  world.process(8, 0.7, 40);
  await world.pass(10);
  await world.meter.leaving('a');
  world.meter.ended('a');
  await settle();

  const [day, ...more] = daysOf(world, 'a');
  assert.deepEqual(more, []);
  // The timer's own look at 15 s: the memory and CPU read there are those of the process as it was then.
  const expected: Partial<UsageAmounts> & { day: string } = {
    day: '2026-11-24', runningSeconds: 30, suspendedSeconds: 100, cpuSeconds: 11.3 + 0.7, measuredSeconds: 30, peakMemoryBytes: 612 * MIB,
    burstCpuSeconds: 10 - 0.25 * 5, // not what launch and resume took: that was before it ran
    memoryByteSeconds: (100 * 10 + 612 * 10 + 40 * 10) * MIB, burstMemoryByteSeconds: 100 * 10 * MIB,
    snapshotReadBytes: 130 * MIB, snapshotWrittenBytes: 30 * MIB, storedByteSeconds: 100 * 40 * MIB, launches: 1, resumes: 1, suspends: 1,
  };
  assert.deepEqual(day, rounded(expected));
  assert.deepEqual([world.store.usageCursors(), world.warnings], [[], []]);
});

test('what runs is sampled without anybody asking', async (t) => {
  const world = new World(await openScratchStore(t));
  insertImage(world.store);
  world.meter.start();
  world.process(7, 0, 40);
  world.meter.running(insertMicrovm(world.store, 'a'), 7);
  await settle();
  world.process(7, 2, 60);
  await world.pass(61); // four looks
  const [day] = world.store.usageOfMicrovm('a');
  assert.deepEqual([day?.runningSeconds, day?.cpuSeconds, day?.peakMemoryBytes], [60, 2, 60 * MIB]);
});

test('a span over midnight is on both days, in proportion', async (t) => {
  const world = new World(await openScratchStore(t), Date.parse('2026-11-24T23:59:57Z'));
  insertImage(world.store);
  world.meter.start();
  world.process(7, 0, 40);
  world.meter.running(insertMicrovm(world.store, 'a'), 7);
  await settle();
  world.process(7, 1, 40);
  await world.pass(5); // until the next look
  await world.meter.refresh();
  assert.deepEqual(daysOf(world, 'a').map(({ day, runningSeconds, cpuSeconds, launches = 0 }) => [day, runningSeconds, cpuSeconds, launches]), [['2026-11-24', 3, 0.6, 1], ['2026-11-25', 2, 0.4, 0]]);
});

test('a new daemon takes over a running VMM: the gap counts, its CPU time not twice', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  const before = new World(store);
  const vm = insertMicrovm(store, 'a');
  before.meter.start();
  before.process(7, 5, 40);
  before.meter.running(vm, 7);
  await settle();
  await before.pass(30); // and then it is killed: no close

  const after = new World(store, NOON + 90_000);
  after.meter.start();
  after.process(7, 9, 40);
  after.meter.running(vm, 7);
  await settle();
  await after.pass(10);
  await after.meter.refresh();
  const [day] = store.usageOfMicrovm('a');
  assert.deepEqual([day?.runningSeconds, day?.cpuSeconds, day?.launches, day?.resumes], [100, 9, 1, 0]);
});

test('a VMM that did not outlive the daemon: the gap does not count', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  const before = new World(store);
  const vm = insertMicrovm(store, 'a');
  const other = insertMicrovm(store, 'b');
  before.meter.start();
  for (const [pid, record] of [[7, vm], [8, other]] as const) {
    before.process(pid, 5, 40);
    before.meter.running(record, pid);
  }
  await settle();
  await before.pass(30);

  const after = new World(store, NOON + 3_600_000);
  after.meter.start();
  after.meter.ended('a');
  // The same pid, another process: begins anew, without the hour.
  after.process(8, 1, 40, 2);
  after.meter.running(other, 8);
  await settle();
  await after.pass(10);
  await after.meter.refresh();
  assert.deepEqual(['a', 'b'].map((id) => rounded(store.usageOfMicrovm(id)[0] ?? NOTHING)).map(({ runningSeconds, cpuSeconds }) => [runningSeconds, cpuSeconds]), [[30, 5], [40, 6]]);
});

test('suspended while no daemon ran: its time and storage count, by the records', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  const before = new World(store);
  for (const id of ['goes-on', 'ended', 'unsaid']) {
    const vm = insertMicrovm(store, id);
    before.process(7, 0, 40);
    before.meter.running(vm, 7);
    await settle();
    await before.pass(10);
    if (id === 'unsaid') await before.meter.refresh(); // dies right after the record says SUSPENDED
    else before.meter.suspended(id, MIB);
    await settle();
  }
  store.updateMicrovm('goes-on', { state: 'SUSPENDED', suspendedAt: NOON + 10_000 });
  store.updateMicrovm('ended', { state: 'TERMINATED', suspendedAt: NOON + 20_000, terminatedAt: NOON + 50_000 });
  store.updateMicrovm('unsaid', { state: 'SUSPENDED', suspendedAt: NOON + 35_000 });

  const after = new World(store, NOON + 110_000);
  after.meter.start();
  await settle();
  await after.meter.refresh();
  const seen = (id: string): unknown[] => {
    const [day] = store.usageOfMicrovm(id);
    return [day?.runningSeconds, day?.suspendedSeconds, day?.storedByteSeconds, day?.suspends];
  };
  assert.deepEqual(seen('goes-on'), [10, 100, 100 * 40 * MIB, 1]);
  assert.deepEqual(seen('ended'), [10, 30, 30 * 40 * MIB, 1]);
  assert.deepEqual(seen('unsaid').filter((_, index) => index !== 2), [15, 75, 1]);
  assert.deepEqual(store.usageCursors().map(({ microvmId }) => microvmId).sort(), ['goes-on', 'unsaid']);
});

test('a wall clock that is set an hour on or back changes no duration', async (t) => {
  for (const step of [3_600_000, -3_600_000]) {
    const world = new World(await openScratchStore(t));
    insertImage(world.store);
    world.meter.start();
    world.process(7, 0, 40);
    world.meter.running(insertMicrovm(world.store, 'a'), 7);
    await settle();
    await world.pass(20);
    world.now += step;
    await world.pass(20);
    await world.meter.refresh();
    assert.equal(world.store.usageOfMicrovm('a').reduce((sum, { runningSeconds }) => sum + runningSeconds, 0), 40);
  }
});

test('records that cannot be written are kept and written later', async (t) => {
  const store = await openScratchStore(t);
  insertImage(store);
  let full = true;
  const world = new World({
    ...store,
    saveUsage(...args) {
      if (full) throw new Error('database or disk is full');
      store.saveUsage(...args);
    },
  });
  world.meter.start();
  world.process(7, 3, 40);
  world.meter.running(insertMicrovm(store, 'a'), 7);
  await world.pass(20);
  assert.deepEqual(store.usageOfMicrovm('a'), []);
  assert.ok(world.warnings.length > 0);
  full = false;
  await world.pass(15);
  const [day] = store.usageOfMicrovm('a');
  assert.deepEqual([day?.runningSeconds, day?.cpuSeconds, day?.launches], [30, 3, 1]);
});

test('close writes what is counted, and the timer ends', async (t) => {
  const world = new World(await openScratchStore(t));
  insertImage(world.store);
  world.meter.start();
  world.process(7, 1, 40);
  world.meter.running(insertMicrovm(world.store, 'a'), 7);
  await settle();
  await world.pass(7);
  await world.meter.close();
  await world.pass(100);
  assert.equal(world.store.usageOfMicrovm('a')[0]?.runningSeconds, 7);
});
