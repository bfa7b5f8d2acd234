import type { Database } from 'better-sqlite3';
import { OperatorError } from '../../errors/index.js';

/**
 * Brings the database to the newest schema: each migration in a transaction of its own, together with its number.
 * Throws OperatorError when a newer program has written the database: its records would be misread.
 */
export function migrate(db: Database, migrations: readonly string[]): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new OperatorError(
      `the database ${db.name} has schema version ${version}, this program knows versions up to ${migrations.length}: ` +
        'run the program that wrote it or a newer one, or choose another data folder',
    );
  }
  migrations.slice(version).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${version + index + 1}`);
    })();
  });
}
