/** Events that retention has ended. The store's own sweep removes them once a minute; this does it now, and says how many. */
import type { LogStore } from '../logs/contracts.js';
import type { GarbageSource } from './contracts.js';

export function expiredLogEvents(logs: Pick<LogStore, 'expired'>): GarbageSource {
  return async (accountId) => {
    const { events, bytes } = await logs.expired(accountId, false);
    if (events === 0) return [];
    const remove = async (): Promise<{ count: number; bytes: number }> => {
      const removed = await logs.expired(accountId, true);
      return { count: removed.events, bytes: removed.bytes };
    };
    return [{ kind: 'log-events', count: events, bytes, remove }];
  };
}
