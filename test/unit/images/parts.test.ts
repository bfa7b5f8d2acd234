import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../../src/errors/index.js';
import { isoDuration } from '../../../src/images/iso-duration.js';
import { buildsAtOnce } from '../../../src/images/limits.js';
import { BuildQueue } from '../../../src/images/queue.js';
import { guestSize } from '../../../src/images/sizes.js';
import { BUILD_STATES, IMAGE_STATES, nextState, VERSION_STATES } from '../../../src/images/states.js';

test('durations are printed as in the service\'s texts', () => {
  const texts = [0, 1, 30, 60, 90, 300, 600, 3600, 3661].map(isoDuration);
  assert.deepEqual(texts, ['PT0S', 'PT1S', 'PT30S', 'PT1M', 'PT1M30S', 'PT5M', 'PT10M', 'PT1H', 'PT1H1M1S']);
});

test('sizes of guests and disks', () => {
  const all = [512, 1024, undefined, 4096, 8192].map((memory) => guestSize(memory, 64));
  assert.deepEqual(all, [
    { memoryMiB: 2048, vcpus: 1, diskGiB: 8, cpuWeight: 0.25 }, { memoryMiB: 4096, vcpus: 2, diskGiB: 8, cpuWeight: 0.5 }, { memoryMiB: 8192, vcpus: 4, diskGiB: 8, cpuWeight: 1 },
    { memoryMiB: 16384, vcpus: 8, diskGiB: 16, cpuWeight: 2 }, { memoryMiB: 32768, vcpus: 16, diskGiB: 32, cpuWeight: 4 },
  ]);
  assert.equal(guestSize(8192, 2).vcpus, 2);
  assert.throws(() => guestSize(3000, 2), RangeError);
});

test('builds at once: one per two CPUs, at least one', () => {
  assert.deepEqual([1, 2, 3, 4, 16].map(buildsAtOnce), [1, 1, 1, 2, 8]);
});

test('a build moves its image, version and itself to an end, and only once', () => {
  assert.equal(nextState(IMAGE_STATES, 'CREATING', 'built'), 'CREATED');
  assert.equal(nextState(IMAGE_STATES, 'UPDATING', 'buildFailed'), 'UPDATE_FAILED');
  for (const [table, ends] of [[VERSION_STATES, ['SUCCESSFUL', 'FAILED']], [BUILD_STATES, ['SUCCESSFUL', 'FAILED']]] as const) {
    assert.equal(table.PENDING.started, 'IN_PROGRESS');
    assert.equal(table.PENDING.built, undefined);
    assert.equal(table.IN_PROGRESS.built, ends[0]);
    for (const end of ends) assert.deepEqual([table[end].started, table[end].built, table[end].buildFailed], [undefined, undefined, undefined]);
  }
  assert.throws(() => nextState(IMAGE_STATES, 'CREATED', 'built'), Fault);
});

test('images and versions that are being built cannot be deleted, all others can', () => {
  const refusing = (table: Readonly<Record<string, { deleteRequested?: string }>>): string[] =>
    Object.entries(table).filter(([, events]) => events.deleteRequested === undefined).map(([state]) => state);
  assert.deepEqual(refusing(IMAGE_STATES), ['CREATING', 'UPDATING', 'DELETED']);
  assert.deepEqual(refusing(VERSION_STATES), ['PENDING', 'IN_PROGRESS', 'DELETED']);
});

test('the queue: a task that gives up leaves its place, a task that throws frees it', async () => {
  const queue = new BuildQueue(1);
  const never = new AbortController().signal;
  const order: string[] = [];
  let finish: () => void = () => undefined;
  const first = queue.run(never, () => new Promise<void>((resolve) => (finish = resolve)));
  const giver = new AbortController();
  const givesUp = queue.run(giver.signal, () => Promise.resolve(order.push('gave up')));
  const throws = queue.run(never, () => {
    order.push('throws');
    return Promise.reject(new Error('broken'));
  });
  const last = queue.run(never, () => Promise.resolve(order.push('last')));
  giver.abort(new Error('enough'));
  await assert.rejects(givesUp, /enough/);
  finish();
  await first;
  await assert.rejects(throws, /broken/);
  await last;
  assert.deepEqual(order, ['throws', 'last']);
  await assert.rejects(queue.run(AbortSignal.abort(new Error('no')), () => Promise.resolve()), /no/);
  await queue.run(never, () => Promise.resolve());
  assert.throws(() => new BuildQueue(0), RangeError);
});
