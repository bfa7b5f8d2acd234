/** Who collects what, and that a dry run changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCollector } from '../../../src/gc/collector.js';
import type { Garbage, GarbageKind, GarbageSource } from '../../../src/gc/contracts.js';

const OPERATOR = '000000000000';

class Heap {
  readonly asked: (string | undefined)[] = [];
  readonly removed: string[] = [];
  readonly warnings: unknown[][] = [];
  readonly logger = { info: () => undefined, warn: (...said: unknown[]) => void this.warnings.push(said) };

  piece(kind: GarbageKind, count: number, bytes: number, remove = (): Promise<{ count: number; bytes: number }> => Promise.resolve({ count, bytes })): Garbage {
    return {
      kind, count, bytes,
      remove: () => {
        this.removed.push(kind);
        return remove();
      },
    };
  }

  source(...pieces: Garbage[]): GarbageSource {
    return (accountId) => {
      this.asked.push(accountId);
      return Promise.resolve(pieces);
    };
  }
}

test('a caller collects of its own account, one of the operator’s account on the whole host', async () => {
  const heap = new Heap();
  const collector = createCollector({ operatorAccount: OPERATOR, sources: [heap.source()], logger: heap.logger });
  await collector.collect({ accountId: '111122223333' }, false);
  await collector.collect({ accountId: OPERATOR }, false);
  assert.deepEqual(heap.asked, ['111122223333', undefined]);
});

test('a dry run says what would go, and removes nothing; kinds are summed and in order', async () => {
  const heap = new Heap();
  const sources = [heap.source(heap.piece('temporary-files', 1, 10), heap.piece('image-files', 2, 100)), heap.source(heap.piece('temporary-files', 3, 5))];
  const collector = createCollector({ operatorAccount: OPERATOR, sources, logger: heap.logger });
  const removed = [{ kind: 'image-files', count: 2, bytes: 100 }, { kind: 'temporary-files', count: 4, bytes: 15 }];
  assert.deepEqual(await collector.collect({ accountId: OPERATOR }, true), { dryRun: true, removed, bytes: 115, failures: 0 });
  assert.deepEqual(heap.removed, []);
  assert.deepEqual(await collector.collect({ accountId: OPERATOR }, false), { dryRun: false, removed, bytes: 115, failures: 0 });
  assert.deepEqual(heap.removed, ['temporary-files', 'image-files', 'temporary-files']);
});

test('only what was really removed is reported', async () => {
  const heap = new Heap();
  const alive = heap.piece('image-files', 1, 100, () => Promise.resolve({ count: 0, bytes: 0 }));
  const collector = createCollector({ operatorAccount: OPERATOR, sources: [heap.source(alive)], logger: heap.logger });
  assert.deepEqual(await collector.collect({ accountId: OPERATOR }, false), { dryRun: false, removed: [], bytes: 0, failures: 0 });
});

test('what one part cannot do keeps no other from it, and is counted', async () => {
  const heap = new Heap();
  const broken = heap.piece('image-files', 1, 100, () => Promise.reject(new Error('busy')));
  const sources = [() => Promise.reject(new Error('unreadable')), heap.source(broken, heap.piece('log-events', 7, 70))];
  const collector = createCollector({ operatorAccount: OPERATOR, sources, logger: heap.logger });
  const report = await collector.collect({ accountId: OPERATOR }, false);
  assert.deepEqual(report, { dryRun: false, removed: [{ kind: 'log-events', count: 7, bytes: 70 }], bytes: 70, failures: 2 });
  assert.match(JSON.stringify(heap.warnings), /unreadable.*busy/);
});

test('one collection at a time', async () => {
  const heap = new Heap();
  let under = 0;
  let most = 0;
  const slow: GarbageSource = async () => {
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 5));
    under--;
    return [];
  };
  const collector = createCollector({ operatorAccount: OPERATOR, sources: [slow], logger: heap.logger });
  await Promise.all([1, 2, 3].map(() => collector.collect({ accountId: OPERATOR }, false)));
  assert.equal(most, 1);
});
