import assert from 'node:assert/strict';
import { it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { migrate } from '../../../src/store/sqlite/migrate.js';

const first = 'CREATE TABLE a (x)';
const second = 'ALTER TABLE a ADD COLUMN y';

const versionOf = (db: Sqlite.Database): unknown => db.pragma('user_version', { simple: true });

it('applies only the migrations a database has not seen', () => {
  const db = new Sqlite(':memory:');
  migrate(db, [first]);
  db.exec('INSERT INTO a VALUES (1)');
  migrate(db, [first, second]);
  migrate(db, [first, second]);
  assert.equal(versionOf(db), 2);
  assert.deepEqual(db.prepare('SELECT * FROM a').all(), [{ x: 1, y: null }]);
});

it('leaves nothing of a migration that fails', () => {
  const db = new Sqlite(':memory:');
  assert.throws(() => migrate(db, [first, 'CREATE TABLE b (x); CREATE TABLE a (x)']));
  assert.equal(versionOf(db), 1);
  assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'b'").pluck().get(), 0);
});
