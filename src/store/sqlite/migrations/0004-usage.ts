/**
 * What MicroVMs used, by UTC day; how far each that has not ended is counted; and which snapshots of image versions were
 * kept from when to when. None refers to the tables of what is: usage outlives MicroVMs and images.
 */
export const usage = `
CREATE TABLE usage_days (
  account_id TEXT NOT NULL,
  day TEXT NOT NULL,
  microvm_id TEXT NOT NULL,
  memory_mib INTEGER NOT NULL,
  running_seconds REAL NOT NULL,
  suspended_seconds REAL NOT NULL,
  cpu_seconds REAL NOT NULL,
  burst_cpu_seconds REAL NOT NULL,
  measured_seconds REAL NOT NULL,
  memory_byte_seconds REAL NOT NULL,
  burst_memory_byte_seconds REAL NOT NULL,
  peak_memory_bytes INTEGER NOT NULL,
  snapshot_read_bytes INTEGER NOT NULL,
  snapshot_written_bytes INTEGER NOT NULL,
  stored_byte_seconds REAL NOT NULL,
  launches INTEGER NOT NULL,
  resumes INTEGER NOT NULL,
  suspends INTEGER NOT NULL,
  PRIMARY KEY (account_id, day, microvm_id)
) WITHOUT ROWID;
CREATE INDEX usage_days_by_microvm ON usage_days (microvm_id, day);
CREATE INDEX usage_days_by_day ON usage_days (day);

CREATE TABLE usage_cursors (
  microvm_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  memory_mib INTEGER NOT NULL,
  phase TEXT NOT NULL,
  counted_until INTEGER NOT NULL,
  process TEXT,
  cpu_counted REAL NOT NULL,
  snapshot_bytes INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE usage_versions (
  -- Not image and version: an image made anew under an old name begins again at 1.0.
  build_id TEXT PRIMARY KEY,
  image_arn TEXT NOT NULL,
  version TEXT NOT NULL,
  account_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  stored_from INTEGER NOT NULL,
  deleted_at INTEGER
) WITHOUT ROWID;
CREATE INDEX usage_versions_by_account ON usage_versions (account_id);
`;
