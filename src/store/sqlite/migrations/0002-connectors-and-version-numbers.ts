/**
 * Network connectors, and the newest version number of each image: numbers of deleted versions are never given again.
 */
export const connectorsAndVersionNumbers = `
ALTER TABLE images ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
UPDATE images SET last_version = (
  SELECT COALESCE(MAX(CAST(version AS INTEGER)), 0) FROM versions WHERE versions.image_arn = images.arn
);

CREATE TABLE connectors (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  arn TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  configuration TEXT NOT NULL,
  operator_role TEXT NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  last_update_status TEXT NOT NULL,
  tags TEXT NOT NULL,
  last_modified INTEGER NOT NULL,
  UNIQUE (account_id, name)
);
CREATE INDEX connectors_by_account ON connectors (account_id, seq);
`;
