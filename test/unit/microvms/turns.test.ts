import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Turns } from '../../../src/microvms/turns.js';

describe('turns', () => {
  const never = new AbortController().signal;
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets so many work at once, the rest in order', async () => {
    const turns = new Turns(2);
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const all = [0, 1, 2, 3].map((i) => turns.run(never, () => new Promise<void>((resolve) => {
      begun.push(i);
      finish[i] = resolve;
    })));
    await settled();
    assert.deepEqual(begun, [0, 1]);
    finish[1]?.();
    await settled();
    assert.deepEqual(begun, [0, 1, 2]);
    finish[0]?.();
    await settled();
    assert.deepEqual(begun, [0, 1, 2, 3]);
    finish[2]?.();
    finish[3]?.();
    await Promise.all(all);
  });

  it('passes the turn on after a failure, and past one that no longer waits', async () => {
    const turns = new Turns(1);
    const abort = new AbortController();
    let fail = (): void => undefined;
    const failing = turns.run(never, () => new Promise((_, reject) => (fail = () => reject(new Error('no')))));
    const aborted = turns.run(abort.signal, () => assert.fail('its turn must not come'));
    const last = turns.run(never, () => Promise.resolve('done'));
    abort.abort(new Error('changed my mind'));
    await assert.rejects(aborted, /changed my mind/);
    fail();
    await assert.rejects(failing, /no/);
    assert.equal(await last, 'done');
    assert.equal(await turns.run(never, () => Promise.resolve('free again')), 'free again');
    await assert.rejects(turns.run(abort.signal, () => Promise.resolve()), /changed my mind/);
  });
});
