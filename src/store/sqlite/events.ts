import type { Database } from 'better-sqlite3';
import type { DeliveryRecord, EventRecord, EventStore, EventType } from '../contracts.js';
import { fromJson, type Row } from './columns.js';

const read = (row: Row): EventRecord => ({
  position: row['position'] as number,
  accountId: row['account_id'] as string,
  number: row['number'] as number,
  id: row['id'] as string,
  at: row['at'] as number,
  type: row['type'] as EventType,
  resources: fromJson(row['resources']) as string[],
  detail: fromJson(row['detail']) as EventRecord['detail'],
});

export function eventRecords(db: Database): EventStore {
  const count = db.prepare<[string], number>('INSERT INTO event_counts (account_id, last) VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last').pluck();
  const insert = db.prepare('INSERT INTO events (account_id, number, id, at, type, resources, detail) VALUES (?, ?, ?, ?, ?, ?, ?)');
  const last = db.prepare<[string], number>('SELECT last FROM event_counts WHERE account_id = ?').pluck();
  const ofAccount = db.prepare('SELECT * FROM events WHERE account_id = ? AND number > ? ORDER BY number LIMIT ?');
  const ofAll = db.prepare('SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?');
  // Of AUTOINCREMENT's own table, as the events themselves may be gone.
  const lastPosition = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'events'").pluck();
  const dropOld = db.prepare('DELETE FROM events WHERE at < ?');
  const dropMany = db.prepare('DELETE FROM events WHERE account_id = ? AND number <= ?');
  const counts = db.prepare<[], { account_id: string; last: number }>('SELECT account_id, last FROM event_counts');
  const deliveries = db.prepare<[], DeliveryRecord>('SELECT target, position, tries FROM event_deliveries ORDER BY target');
  const saveDelivery = db.prepare('INSERT OR REPLACE INTO event_deliveries (target, position, tries) VALUES (?, ?, ?)');
  const forgetDelivery = db.prepare('DELETE FROM event_deliveries WHERE target = ?');

  return {
    appendEvent: db.transaction((event: Parameters<EventStore['appendEvent']>[0]) => {
      const number = count.get(event.accountId) as number;
      insert.run(event.accountId, number, event.id, event.at, event.type, JSON.stringify(event.resources), JSON.stringify(event.detail));
      return number;
    }),
    eventsOf: (accountId, after, limit) => (ofAccount.all(accountId, after, limit) as Row[]).map(read),
    lastEventNumber: (accountId) => last.get(accountId) ?? 0,
    eventsAfter: (position, limit) => (ofAll.all(position, limit) as Row[]).map(read),
    lastEventPosition: () => lastPosition.get() ?? 0,
    pruneEvents: db.transaction((before: number, keep: number) => {
      dropOld.run(before);
      for (const { account_id: accountId, last: newest } of counts.all()) dropMany.run(accountId, newest - keep);
    }),
    deliveries: () => deliveries.all(),
    saveDelivery: ({ target, position, tries }) => void saveDelivery.run(target, position, tries),
    forgetDelivery: (target) => void forgetDelivery.run(target),
  };
}
