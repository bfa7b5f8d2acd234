/**
 * How long the phases of launches and resumes took, the newest of each MicroVM; and the steps of builds.
 *
 * - phases: JSON, as in the record.
 * - position: the order in which steps began.
 */
export const telemetry = `
CREATE TABLE launches (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  microvm_id TEXT NOT NULL REFERENCES microvms (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  phases TEXT NOT NULL
);
CREATE INDEX launches_by_microvm ON launches (microvm_id, seq);

CREATE TABLE build_steps (
  build_id TEXT NOT NULL REFERENCES builds (build_id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (build_id, position)
) WITHOUT ROWID;
`;
