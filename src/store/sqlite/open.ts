import { chmodSync, closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { messageOf, OperatorError } from '../../errors/index.js';
import type { Store } from '../contracts.js';
import { buildStepRecords } from './build-steps.js';
import { buildRecords } from './builds.js';
import { connectorRecords } from './connectors.js';
import { eventRecords } from './events.js';
import { idempotentAnswers } from './idempotency.js';
import { imageRecords } from './images.js';
import { launchRecords } from './launches.js';
import { microvmRecords } from './microvms.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';
import { usage } from './usage.js';
import { usageRecords } from './usage-records.js';
import { versionRecords } from './versions.js';

/**
 * Opens (creates) the database file, mode 0600: images' environment variables are in it. SQLite gives its -wal and
 * -shm files the same mode. Throws OperatorError when the file cannot be used or a newer program wrote it.
 *
 * better-sqlite3 is synchronous: a commit blocks for one fsync (synchronous=FULL, so that an answered request
 * survives a power cut), well under a millisecond on an SSD.
 */
export function openStore(file: string): Store {
  const db = openDatabase(file);
  return {
    ...imageRecords(db),
    ...versionRecords(db),
    ...buildRecords(db),
    ...microvmRecords(db),
    ...connectorRecords(db),
    ...idempotentAnswers(db),
    ...usage(db),
    ...usageRecords(db),
    ...eventRecords(db),
    ...launchRecords(db),
    ...buildStepRecords(db),
    transaction: (body) => db.transaction(body)(),
    close: () => void db.close(),
  };
}

function openDatabase(file: string): Sqlite.Database {
  let db: Sqlite.Database | undefined;
  try {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    db = new Sqlite(file);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    // Run hook payloads are forgotten once used, and then are to be nowhere.
    db.pragma('secure_delete = ON');
    db.pragma('busy_timeout = 5000');
    migrate(db, migrations);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`cannot use the database ${file}: ${messageOf(error)}. It must be a SQLite file in a folder this user can write`);
  }
}
