/**
 * What happened, for whoever wants to be told: written in the transaction that makes it so, kept for a while.
 *
 * - events.position: over all accounts, in order; events.number: within the account, counting up by one.
 * - event_counts: the last number given, which outlives the events.
 * - event_deliveries: how far each webhook has been told, and how often its next event was tried.
 */
export const events = `
CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  resources TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE UNIQUE INDEX events_by_account ON events (account_id, number);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE event_counts (
  account_id TEXT PRIMARY KEY,
  last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE event_deliveries (
  target TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  tries INTEGER NOT NULL
) WITHOUT ROWID;
`;
