import type { Store } from '../store/contracts.js';
import type { EventFeed } from './contracts.js';
import { envelopeOf } from './envelope.js';
import type { EventHub } from './hub.js';

export function createFeed(store: Pick<Store, 'eventsOf' | 'lastEventNumber'>, hub: EventHub, region: string): EventFeed {
  return {
    after: (accountId, number, limit) => store.eventsOf(accountId, number, limit).map((record) => ({ number: record.number, event: envelopeOf(record, region) })),
    last: (accountId) => store.lastEventNumber(accountId),
    watch: (accountId) => hub.watch(accountId),
  };
}
