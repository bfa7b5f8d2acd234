import type { Clock } from '../clock/index.js';
import type { Store } from '../store/contracts.js';

const PRUNE_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;

export interface Keep {
  readonly hours: number;
  /** Of each account. */
  readonly events: number;
}

/** Forgets what is older or more than is kept, once a minute, until the returned function is called. */
export function startPruner(store: Pick<Store, 'pruneEvents'>, clock: Clock, keep: Keep, failed: (error: unknown) => void): () => void {
  let cancel = (): void => undefined;
  const prune = (): void => {
    try {
      store.pruneEvents(clock.now() - keep.hours * HOUR_MS, keep.events);
    } catch (error) {
      failed(error);
    }
    cancel = clock.after(PRUNE_EVERY_MS, prune);
  };
  prune();
  return () => cancel();
}
