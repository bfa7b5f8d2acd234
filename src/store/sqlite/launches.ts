import type { Database } from 'better-sqlite3';
import type { LaunchRecord, LaunchStore } from '../contracts.js';
import { fromJson, toJson, type Row } from './columns.js';

export function launchRecords(db: Database): LaunchStore {
  // A MicroVM whose record was rolled back, or is gone meanwhile, has no launches.
  const insert = db.prepare(
    `INSERT INTO launches (microvm_id, kind, outcome, started_at, phases)
     SELECT id, ?, ?, ?, ? FROM microvms WHERE id = ?`,
  );
  const replace = db.prepare('UPDATE launches SET outcome = ?, phases = ? WHERE seq = ?');
  const trim = db.prepare(
    'DELETE FROM launches WHERE microvm_id = ? AND seq NOT IN (SELECT seq FROM launches WHERE microvm_id = ? ORDER BY seq DESC LIMIT ?)',
  );
  const ofMicrovm = db.prepare('SELECT * FROM launches WHERE microvm_id = ? ORDER BY seq DESC');
  return {
    saveLaunch: db.transaction(({ microvmId, kind, outcome, startedAt, phases }: LaunchRecord, keep: number, replaces?: number) => {
      if (replaces !== undefined) {
        replace.run(outcome, toJson(phases), replaces);
        return replaces;
      }
      const { lastInsertRowid } = insert.run(kind, outcome, startedAt, toJson(phases), microvmId);
      trim.run(microvmId, microvmId, keep);
      return Number(lastInsertRowid);
    }),
    launchesOf: (microvmId) =>
      (ofMicrovm.all(microvmId) as Row[]).map((row): LaunchRecord => ({
        microvmId,
        kind: row['kind'] as LaunchRecord['kind'],
        outcome: row['outcome'] as LaunchRecord['outcome'],
        startedAt: row['started_at'] as number,
        phases: fromJson(row['phases']) as LaunchRecord['phases'],
      })),
  };
}
