/** Orders of three customers, each with a pricing rule of its own that nobody has to trust. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { example } from '../client/example.js';
import { Queue } from './queue.js';
import { work } from './worker.js';

const CODE = {
  bakery: 'def handle(event):\n    return {"cents": event["items"] * 250}',
  joker: 'def handle(event):\n    return {"cents": -1}',
  spinner: 'def handle(event):\n    while True: pass',
};

await example('event-backbone', async (it) => {
  await it.build('event-step', { port: 8080 });
  const folder = await mkdtemp(join(tmpdir(), 'event-backbone-'));
  const queue = new Queue(join(folder, 'queue.db'), 2);
  try {
    for (const items of [1, 2, 4]) queue.put('bakery', { items });
    queue.put('joker', { items: 1 });
    queue.put('spinner', { items: 1 });
    await Promise.all([work(it, queue, CODE), work(it, queue, CODE)]);
    for (const { customer, state, outcome, attempts } of queue.all()) it.say(`${customer}: ${state} at attempt ${attempts}: ${(outcome ?? '').split('\n')[0] ?? ''}`);
    assert.deepEqual(queue.all().map(({ customer, state }) => [customer, state]), [
      ['bakery', 'done'], ['bakery', 'done'], ['bakery', 'done'], ['joker', 'dead'], ['spinner', 'dead'],
    ]);
    assert.deepEqual(queue.all().slice(0, 3).map(({ outcome }) => outcome), ['{"cents":250}', '{"cents":500}', '{"cents":1000}']);
    assert.equal(queue.all()[4]?.outcome, 'not done after 10 s');
  } finally {
    queue.close();
    await rm(folder, { recursive: true });
  }
});
