/** Version numbers outlive their versions, in a new database and in one of before they were counted. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { migrate } from '../../../src/store/sqlite/migrate.js';
import { migrations } from '../../../src/store/sqlite/migrations/index.js';
import { versionRecords } from '../../../src/store/sqlite/versions.js';

const image = `INSERT INTO images (arn, account_id, name, state, tags, created_at, updated_at) VALUES ('arn:i', 'a', 'i', 'CREATED', '{}', 0, 0)`;
const version = (number: string): string =>
  `INSERT INTO versions (image_arn, version, state, status, config, created_at, updated_at) VALUES ('arn:i', '${number}', 'FAILED', 'INACTIVE', '{}', 0, 0)`;

it('counts what an older database has, by number and not by text', () => {
  const db = new Sqlite(':memory:');
  migrate(db, migrations.slice(0, 1));
  for (const sql of [image, version('9.0'), version('10.0')]) db.exec(sql);
  migrate(db, migrations);
  assert.equal(versionRecords(db).lastVersionNumber('arn:i'), 10);
});

it('keeps the number of a version that is deleted; an unknown image has none', () => {
  const db = new Sqlite(':memory:');
  migrate(db, migrations);
  db.exec(image);
  const versions = versionRecords(db);
  assert.equal(versions.lastVersionNumber('arn:i'), 0);
  const config = { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' } };
  for (const number of ['1.0', '2.0']) {
    versions.insertVersion({ imageArn: 'arn:i', version: number, state: 'FAILED', status: 'INACTIVE', config, createdAt: 0, updatedAt: 0 });
  }
  versions.deleteVersion('arn:i', '2.0');
  assert.equal(versions.getVersion('arn:i', '2.0'), undefined);
  assert.deepEqual([versions.lastVersionNumber('arn:i'), versions.lastVersionNumber('arn:none')], [2, 0]);
});
