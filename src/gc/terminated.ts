/** Records of MicroVMs that ended long ago, with the timelines of their launches. What they used stays known by day. */
import type { Clock } from '../clock/index.js';
import type { Store } from '../store/contracts.js';
import type { GarbageSource } from './contracts.js';

/** ms. Long enough for whoever wants to know how yesterday's ended. */
export const TERMINATED_KEPT_MS = 24 * 3_600_000;
/** Rows of one transaction: the daemon serves between two. */
const BATCH = 500;

export function terminatedRecords({ store, clock }: { readonly store: Pick<Store, 'countTerminated' | 'deleteTerminated'>; readonly clock: Clock }): GarbageSource {
  return (accountId) => {
    const before = clock.now() - TERMINATED_KEPT_MS;
    const count = store.countTerminated(before, accountId);
    if (count === 0) return Promise.resolve([]);
    const remove = async (): Promise<{ count: number; bytes: number }> => {
      let removed = 0;
      for (;;) {
        const rows = store.deleteTerminated(before, accountId, BATCH);
        removed += rows;
        if (rows < BATCH) return { count: removed, bytes: 0 };
        await new Promise(setImmediate);
      }
    };
    return Promise.resolve([{ kind: 'terminated-records', count, bytes: 0, remove }]);
  };
}
