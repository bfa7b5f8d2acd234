import type { Database } from 'better-sqlite3';
import type { BuildStepRecord, BuildStepStore } from '../contracts.js';
import { optional, type Row } from './columns.js';

export function buildStepRecords(db: Database): BuildStepStore {
  const insert = db.prepare(
    `INSERT INTO build_steps (build_id, position, name, status, started_at)
     SELECT ?, COUNT(*), ?, 'RUNNING', ? FROM build_steps WHERE build_id = ?`,
  );
  const end = db.prepare("UPDATE build_steps SET status = ?, ended_at = ? WHERE build_id = ? AND status = 'RUNNING'");
  const remove = db.prepare('DELETE FROM build_steps WHERE build_id = ?');
  const ofBuild = db.prepare('SELECT * FROM build_steps WHERE build_id = ? ORDER BY position');
  return {
    insertBuildStep: (buildId, name, startedAt) => void insert.run(buildId, name, startedAt, buildId),
    endBuildStep: (buildId, status, endedAt) => void end.run(status, endedAt, buildId),
    deleteBuildSteps: (buildId) => void remove.run(buildId),
    buildSteps: (buildId) =>
      (ofBuild.all(buildId) as Row[]).map((row): BuildStepRecord => ({
        name: row['name'] as string,
        status: row['status'] as BuildStepRecord['status'],
        startedAt: row['started_at'] as number,
        endedAt: optional(row['ended_at']) as number | undefined,
      })),
  };
}
