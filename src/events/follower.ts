import type { EventRecord, Store } from '../store/contracts.js';
import type { EventHub } from './hub.js';

const BATCH = 200;

/**
 * Gives every event that becomes durable from now on to `listener`, once and in order, until the returned function is
 * called, which gives what is left. The listener must not throw.
 */
export function followEvents(store: Pick<Store, 'eventsAfter' | 'lastEventPosition'>, hub: EventHub, listener: (event: EventRecord) => void, failed: (error: unknown) => void): () => void {
  let position = store.lastEventPosition();
  const drain = (): void => {
    try {
      for (;;) {
        const batch = store.eventsAfter(position, BATCH);
        for (const event of batch) {
          position = event.position;
          listener(event);
        }
        if (batch.length < BATCH) return;
      }
    } catch (error) {
      failed(error);
    }
  };
  const stop = hub.listen(drain);
  return () => {
    stop();
    drain();
  };
}
