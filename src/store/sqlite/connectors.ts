import type { Database } from 'better-sqlite3';
import type { ConnectorRecord, ConnectorState, Store } from '../contracts.js';
import { fromJson, json, optional, plain, toJson, updateRow, type Row } from './columns.js';
import { listPage } from './page.js';

const changeable = {
  configuration: json('configuration'),
  operatorRole: plain('operator_role'),
  state: plain('state'),
  version: plain('version'),
  stateReason: plain('state_reason'),
  stateReasonCode: plain('state_reason_code'),
  lastUpdateStatus: plain('last_update_status'),
  lastUpdateStatusReason: plain('last_update_reason'),
  lastUpdateStatusReasonCode: plain('last_update_reason_code'),
  tags: json('tags'),
  lastModified: plain('last_modified'),
};

const read = (row: Row): ConnectorRecord => ({
  id: row['id'] as string,
  arn: row['arn'] as string,
  accountId: row['account_id'] as string,
  name: row['name'] as string,
  configuration: fromJson(row['configuration']) as ConnectorRecord['configuration'],
  operatorRole: row['operator_role'] as string,
  state: row['state'] as ConnectorState,
  version: row['version'] as number,
  stateReason: optional(row['state_reason']) as string | undefined,
  stateReasonCode: optional(row['state_reason_code']) as string | undefined,
  lastUpdateStatus: row['last_update_status'] as ConnectorRecord['lastUpdateStatus'],
  lastUpdateStatusReason: optional(row['last_update_reason']) as string | undefined,
  lastUpdateStatusReasonCode: optional(row['last_update_reason_code']) as string | undefined,
  tags: fromJson(row['tags']) as ConnectorRecord['tags'],
  lastModified: row['last_modified'] as number,
});

export type ConnectorRecords = Pick<
  Store,
  | 'insertConnector' | 'getConnector' | 'getConnectorByName' | 'listConnectors' | 'unsettledConnectors'
  | 'countConnectors' | 'updateConnector' | 'deleteConnector' | 'isConnectorInUse'
>;

export function connectorRecords(db: Database): ConnectorRecords {
  const insert = db.prepare(
    `INSERT INTO connectors (id, arn, account_id, name, configuration, operator_role, state, version, last_update_status, tags, last_modified)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const byId = db.prepare('SELECT * FROM connectors WHERE id = ?');
  const byName = db.prepare('SELECT * FROM connectors WHERE account_id = ? AND name = ?');
  const unsettled = db.prepare(`SELECT * FROM connectors WHERE state IN ('PENDING', 'DELETING') OR last_update_status = 'InProgress' ORDER BY seq`);
  const count = db.prepare<[string], number>('SELECT COUNT(*) FROM connectors WHERE account_id = ?').pluck();
  const remove = db.prepare('DELETE FROM connectors WHERE id = ?');
  // A user may have named it with a version suffix, `<arn>:1`.
  const inUse = db
    .prepare<{ arn: string }, number>(
      `SELECT EXISTS (
         SELECT 1 FROM microvms, json_each(microvms.egress_connectors) AS used
         WHERE microvms.state IN ('PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING')
           AND (used.value = @arn OR substr(used.value, 1, length(@arn) + 1) = @arn || ':')
       ) OR EXISTS (
         SELECT 1 FROM versions, json_each(versions.config, '$.egressNetworkConnectors') AS used
         WHERE used.value = @arn OR substr(used.value, 1, length(@arn) + 1) = @arn || ':'
       )`,
    )
    .pluck();
  return {
    insertConnector(connector) {
      insert.run(
        connector.id, connector.arn, connector.accountId, connector.name, toJson(connector.configuration), connector.operatorRole,
        connector.state, connector.version, connector.lastUpdateStatus, toJson(connector.tags), connector.lastModified,
      );
    },
    getConnector(id) {
      const row = byId.get(id) as Row | undefined;
      return row && read(row);
    },
    getConnectorByName(accountId, name) {
      const row = byName.get(accountId, name) as Row | undefined;
      return row && read(row);
    },
    listConnectors: ({ accountId, state }, page) => listPage(db, 'connectors', { account_id: accountId, state }, page, read),
    unsettledConnectors: () => (unsettled.all() as Row[]).map(read),
    countConnectors: (accountId) => count.get(accountId) ?? 0,
    updateConnector: (id, change) => updateRow(db, 'connectors', changeable, { id }, change),
    deleteConnector: (id) => void remove.run(id),
    isConnectorInUse: (arn) => inUse.get({ arn }) === 1,
  };
}
