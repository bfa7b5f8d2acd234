/**
 * Images, versions, builds, MicroVMs and the answers to client tokens.
 *
 * - seq: creation order, never reused (AUTOINCREMENT); it is the page key of each list.
 * - Structured members (configuration, tags, policies) are JSON text: they are written once and read whole.
 * - Times are milliseconds since 1970 UTC.
 */
export const initial = `
CREATE TABLE images (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  arn TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  latest_active_version TEXT,
  latest_failed_version TEXT,
  tags TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (account_id, name)
);
CREATE INDEX images_by_account ON images (account_id, seq);
CREATE INDEX images_by_state ON images (state);

CREATE TABLE versions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  image_arn TEXT NOT NULL REFERENCES images (arn) ON DELETE CASCADE,
  version TEXT NOT NULL,
  state TEXT NOT NULL,
  status TEXT NOT NULL,
  state_reason TEXT,
  config TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (image_arn, version)
);
CREATE INDEX versions_by_image ON versions (image_arn, seq);

CREATE TABLE builds (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  build_id TEXT NOT NULL UNIQUE,
  image_arn TEXT NOT NULL,
  version TEXT NOT NULL,
  state TEXT NOT NULL,
  state_reason TEXT,
  architecture TEXT NOT NULL,
  chipset TEXT NOT NULL,
  chipset_generation TEXT NOT NULL,
  snapshot_build TEXT,
  created_at INTEGER NOT NULL,
  FOREIGN KEY (image_arn, version) REFERENCES versions (image_arn, version) ON DELETE CASCADE
);
CREATE INDEX builds_by_version ON builds (image_arn, version, seq);

CREATE TABLE microvms (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  endpoint_label TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  state_reason TEXT,
  -- No reference to images: a terminated MicroVM stays listed after its image is gone.
  image_arn TEXT NOT NULL,
  image_version TEXT NOT NULL,
  execution_role_arn TEXT,
  idle_policy TEXT,
  logging TEXT,
  maximum_duration_seconds INTEGER NOT NULL,
  ingress_connectors TEXT NOT NULL,
  egress_connectors TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  suspended_at INTEGER,
  terminated_at INTEGER,
  resume_on_start INTEGER NOT NULL
);
CREATE INDEX microvms_by_account ON microvms (account_id, seq);
CREATE INDEX microvms_by_image ON microvms (account_id, image_arn, seq);
CREATE INDEX microvms_by_state ON microvms (state, seq);

CREATE TABLE idempotent_answers (
  account_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  client_token TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  response TEXT NOT NULL,
  PRIMARY KEY (account_id, operation, client_token)
) WITHOUT ROWID;
`;
