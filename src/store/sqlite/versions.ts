import type { Database } from 'better-sqlite3';
import type { Store, VersionRecord, VersionState, VersionStatus } from '../contracts.js';
import { fromJson, optional, plain, toJson, updateRow, type Row } from './columns.js';
import { listPage } from './page.js';

const changeable = {
  state: plain('state'),
  status: plain('status'),
  stateReason: plain('state_reason'),
  updatedAt: plain('updated_at'),
};

const read = (row: Row): VersionRecord => ({
  imageArn: row['image_arn'] as string,
  version: row['version'] as string,
  state: row['state'] as VersionState,
  status: row['status'] as VersionStatus,
  stateReason: optional(row['state_reason']) as string | undefined,
  config: fromJson(row['config']) as VersionRecord['config'],
  createdAt: row['created_at'] as number,
  updatedAt: row['updated_at'] as number,
});

export type VersionRecords = Pick<Store, 'insertVersion' | 'getVersion' | 'listVersions' | 'updateVersion' | 'deleteVersion' | 'lastVersionNumber'>;

export function versionRecords(db: Database): VersionRecords {
  const insert = db.prepare(
    `INSERT INTO versions (image_arn, version, state, status, state_reason, config, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const count = db.prepare('UPDATE images SET last_version = MAX(last_version, CAST(? AS INTEGER)) WHERE arn = ?');
  const last = db.prepare<[string], number>('SELECT last_version FROM images WHERE arn = ?').pluck();
  const remove = db.prepare('DELETE FROM versions WHERE image_arn = ? AND version = ?');
  const insertCounted = db.transaction((version: VersionRecord) => {
    insert.run(
      version.imageArn, version.version, version.state, version.status, version.stateReason ?? null,
      toJson(version.config), version.createdAt, version.updatedAt,
    );
    count.run(version.version, version.imageArn);
  });
  const byKey = db.prepare('SELECT * FROM versions WHERE image_arn = ? AND version = ?');
  return {
    insertVersion: (version) => insertCounted(version),
    getVersion(imageArn, version) {
      const row = byKey.get(imageArn, version) as Row | undefined;
      return row && read(row);
    },
    listVersions: (imageArn, page) => listPage(db, 'versions', { image_arn: imageArn }, page, read),
    updateVersion: (imageArn, version, change) =>
      updateRow(db, 'versions', changeable, { image_arn: imageArn, version }, change),
    deleteVersion: (imageArn, version) => void remove.run(imageArn, version),
    lastVersionNumber: (imageArn) => last.get(imageArn) ?? 0,
  };
}
