/** Samples of the last hour: from the meter's own looks, through the real meter. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { insertImage, insertMicrovm, MIB, NOON, openScratchStore, settle, World } from './support.js';

async function runningWorld(t: Parameters<typeof openScratchStore>[0]): Promise<{ world: World; vm: ReturnType<typeof insertMicrovm> }> {
  const world = new World(await openScratchStore(t));
  insertImage(world.store, 512);
  const vm = insertMicrovm(world.store, 'a');
  world.meter.start();
  world.process(7, 3, 40); // 3 s for its launch, which is no use of its own
  world.meter.running(vm, 7);
  await settle();
  return { world, vm };
}

test('every 5 s, CPU in vCPUs since the sample before', async (t) => {
  const { world } = await runningWorld(t);
  assert.deepEqual(world.samples.of('a'), [], 'the first look is what the next is counted from');
  assert.deepEqual(world.samples.latest('a'), { cpu: undefined, memoryBytes: 40 * MIB });
  world.process(7, 5.5, 100);
  await world.pass(5);
  world.process(7, 5.5, 90);
  await world.pass(5);
  assert.deepEqual(world.samples.of('a'), [
    { at: NOON + 5_000, cpu: 0.5, memoryBytes: 100 * MIB },
    { at: NOON + 10_000, cpu: 0, memoryBytes: 90 * MIB },
  ]);
  assert.deepEqual(world.samples.of('a', NOON + 10_000).length, 1);
  assert.deepEqual(world.samples.latest('a'), { cpu: 0, memoryBytes: 90 * MIB });
  assert.deepEqual(world.samples.totals(), { memoryBytes: 90 * MIB, cpuSeconds: 2.5 });
});

test('the process is looked at once for samples and usage together, and a report in between is no sample', async (t) => {
  const { world } = await runningWorld(t);
  let looks = 0;
  const get = world.processes.get.bind(world.processes);
  world.processes.get = (pid) => {
    looks += 1;
    return get(pid);
  };
  await world.pass(30);
  assert.deepEqual([looks, world.samples.of('a').length], [6, 6]);
  await world.pass(1);
  await world.meter.refresh();
  assert.equal(world.samples.of('a').length, 6);
});

test('an hour is kept and no more, whatever the wall clock is set to', async (t) => {
  const { world } = await runningWorld(t);
  await world.pass(3600 + 600);
  const kept = world.samples.of('a');
  assert.equal(kept.length, 720);
  assert.deepEqual([kept[0]?.at, kept.at(-1)?.at], [NOON + 605_000, NOON + 4_200_000]);
  world.now += 86_400_000;
  assert.equal(world.samples.of('a').at(-1)?.at, NOON + 4_200_000 + 86_400_000);
});

test('suspended: the past stays, now is unknown, and the next VMM is counted from its own beginning', async (t) => {
  const { world, vm } = await runningWorld(t);
  await world.pass(10);
  world.meter.suspended('a', 1);
  await settle();
  assert.deepEqual([world.samples.of('a').length, world.samples.latest('a')], [2, {}]);
  await world.pass(60);
  assert.equal(world.samples.of('a').length, 2);
  world.process(8, 0.1, 30);
  world.meter.running(vm, 8);
  await settle();
  world.process(8, 1.1, 30);
  await world.pass(5);
  assert.deepEqual(world.samples.of('a').at(-1), { at: NOON + 75_000, cpu: 0.2, memoryBytes: 30 * MIB });
  assert.deepEqual(world.meter.sizeAndTime(vm), { memoryMiB: 512, runningSeconds: 15 });
  world.meter.ended('a');
  await settle();
  assert.deepEqual([world.samples.of('a'), world.samples.totals().memoryBytes], [[], 0]);
});

test('time in RUNNING is that of the records, what is unwritten and what goes on', async (t) => {
  const { world, vm } = await runningWorld(t);
  await world.pass(21); // written at 15 s, counted at 20 s
  assert.equal(world.store.usageOfMicrovm('a')[0]?.runningSeconds, 15);
  assert.deepEqual(world.meter.sizeAndTime(vm), { memoryMiB: 512, runningSeconds: 21 });
});
