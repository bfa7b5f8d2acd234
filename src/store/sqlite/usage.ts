/** What an account has of everything that is limited. */
import type { Database } from 'better-sqlite3';
import type { Store } from '../contracts.js';

/** Of a version that names no size, MiB (spec §3.5). */
const DEFAULT_MEMORY_MIB = 2048;

export function usage(db: Database): Pick<Store, 'countImages' | 'countVersions' | 'liveMemoryMiB'> {
  const images = db.prepare<[string], number>('SELECT COUNT(*) FROM images WHERE account_id = ?').pluck();
  const versions = db.prepare<[string], number>('SELECT COUNT(*) FROM versions WHERE image_arn = ?').pluck();
  // By state first: terminated MicroVMs are many, live ones few. Unknown: memory-quota-states
  const memory = db
    .prepare<[number, string], number>(
      `SELECT COALESCE(SUM(COALESCE(json_extract(v.config, '$.resources[0].minimumMemoryInMiB'), ?)), 0)
       FROM microvms AS m INDEXED BY microvms_by_state
       LEFT JOIN versions AS v ON v.image_arn = m.image_arn AND v.version = m.image_version
       WHERE m.state IN ('PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED') AND m.account_id = ?`,
    )
    .pluck();
  return {
    countImages: (accountId) => images.get(accountId) ?? 0,
    countVersions: (imageArn) => versions.get(imageArn) ?? 0,
    liveMemoryMiB: (accountId) => memory.get(DEFAULT_MEMORY_MIB, accountId) ?? 0,
  };
}
