/**
 * What a new daemon needs to go on where one that died stopped.
 *
 * - started_steady, suspended_at, last_activity: on the timeline that does not step with the wall clock (src/clock).
 * - run_payload: of RunMicrovm, until /run has been called; a secret.
 * - attempts: how often a build was begun.
 */
export const crashOnly = `
ALTER TABLE microvms ADD COLUMN started_steady INTEGER NOT NULL DEFAULT 0;
UPDATE microvms SET started_steady = started_at;
ALTER TABLE microvms ADD COLUMN last_activity INTEGER;
ALTER TABLE microvms ADD COLUMN run_payload TEXT;
ALTER TABLE builds ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
`;
