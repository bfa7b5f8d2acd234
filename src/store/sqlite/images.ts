import type { Database } from 'better-sqlite3';
import type { ImageRecord, ImageState, Store } from '../contracts.js';
import { fromJson, json, optional, plain, toJson, updateRow, type Row } from './columns.js';
import { listPage } from './page.js';

const changeable = {
  state: plain('state'),
  latestActiveVersion: plain('latest_active_version'),
  latestFailedVersion: plain('latest_failed_version'),
  tags: json('tags'),
  updatedAt: plain('updated_at'),
};

const read = (row: Row): ImageRecord => ({
  accountId: row['account_id'] as string,
  name: row['name'] as string,
  arn: row['arn'] as string,
  state: row['state'] as ImageState,
  latestActiveVersion: optional(row['latest_active_version']) as string | undefined,
  latestFailedVersion: optional(row['latest_failed_version']) as string | undefined,
  tags: fromJson(row['tags']) as ImageRecord['tags'],
  createdAt: row['created_at'] as number,
  updatedAt: row['updated_at'] as number,
});

export type ImageRecords = Pick<Store, 'insertImage' | 'getImage' | 'listImages' | 'updateImage' | 'deleteImage' | 'imagesInStates'>;

export function imageRecords(db: Database): ImageRecords {
  const insert = db.prepare(
    `INSERT INTO images (arn, account_id, name, state, latest_active_version, latest_failed_version, tags, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const byArn = db.prepare('SELECT * FROM images WHERE arn = ?');
  const remove = db.prepare('DELETE FROM images WHERE arn = ?');
  const inStates = db.prepare('SELECT * FROM images WHERE state IN (SELECT value FROM json_each(?)) ORDER BY seq');
  return {
    insertImage(image) {
      insert.run(
        image.arn, image.accountId, image.name, image.state, image.latestActiveVersion ?? null,
        image.latestFailedVersion ?? null, toJson(image.tags), image.createdAt, image.updatedAt,
      );
    },
    getImage(arn) {
      const row = byArn.get(arn) as Row | undefined;
      return row && read(row);
    },
    listImages: (accountId, page) => listPage(db, 'images', { account_id: accountId }, page, read),
    updateImage: (arn, change) => updateRow(db, 'images', changeable, { arn }, change),
    deleteImage: (arn) => void remove.run(arn),
    imagesInStates: (states) => (inStates.all(JSON.stringify(states)) as Row[]).map(read),
  };
}
