/** Why a connector or its last update failed. */
export const connectorReasons = `
ALTER TABLE connectors ADD COLUMN state_reason TEXT;
ALTER TABLE connectors ADD COLUMN state_reason_code TEXT;
ALTER TABLE connectors ADD COLUMN last_update_reason TEXT;
ALTER TABLE connectors ADD COLUMN last_update_reason_code TEXT;
`;
