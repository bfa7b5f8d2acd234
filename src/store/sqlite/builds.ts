import type { Database } from 'better-sqlite3';
import type { BuildRecord, BuildState, SnapshotSizes, Store } from '../contracts.js';
import { fromJson, json, optional, plain, toJson, updateRow, type Row } from './columns.js';
import { listPage } from './page.js';

const changeable = { state: plain('state'), stateReason: plain('state_reason'), snapshotBuild: json('snapshot_build'), attempts: plain('attempts') };

const read = (row: Row): BuildRecord => ({
  imageArn: row['image_arn'] as string,
  version: row['version'] as string,
  buildId: row['build_id'] as string,
  state: row['state'] as BuildState,
  stateReason: optional(row['state_reason']) as string | undefined,
  architecture: row['architecture'] as string,
  chipset: row['chipset'] as string,
  chipsetGeneration: row['chipset_generation'] as string,
  snapshotBuild: fromJson(row['snapshot_build']) as SnapshotSizes | undefined,
  createdAt: row['created_at'] as number,
  attempts: row['attempts'] as number,
});

export type BuildRecords = Pick<Store, 'insertBuild' | 'getBuild' | 'listBuilds' | 'updateBuild'>;

export function buildRecords(db: Database): BuildRecords {
  const insert = db.prepare(
    `INSERT INTO builds (build_id, image_arn, version, state, state_reason, architecture, chipset, chipset_generation, snapshot_build, created_at, attempts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const byKey = db.prepare('SELECT * FROM builds WHERE build_id = ? AND image_arn = ? AND version = ?');
  return {
    insertBuild(build) {
      insert.run(
        build.buildId, build.imageArn, build.version, build.state, build.stateReason ?? null, build.architecture,
        build.chipset, build.chipsetGeneration, toJson(build.snapshotBuild), build.createdAt, build.attempts,
      );
    },
    getBuild(imageArn, version, buildId) {
      const row = byKey.get(buildId, imageArn, version) as Row | undefined;
      return row && read(row);
    },
    listBuilds: (imageArn, version, page) => listPage(db, 'builds', { image_arn: imageArn, version }, page, read),
    updateBuild: (buildId, change) => updateRow(db, 'builds', changeable, { build_id: buildId }, change),
  };
}
