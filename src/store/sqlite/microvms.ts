import type { Database } from 'better-sqlite3';
import type { IdlePolicy, Logging, MicrovmRecord, MicrovmState, Store } from '../contracts.js';
import { flag, fromJson, optional, plain, toJson, updateRow, type Row } from './columns.js';
import { listPage } from './page.js';

const changeable = {
  state: plain('state'),
  stateReason: plain('state_reason'),
  suspendedAt: plain('suspended_at'),
  lastActivity: plain('last_activity'),
  terminatedAt: plain('terminated_at'),
  resumeOnStart: flag('resume_on_start'),
};

const read = (row: Row): MicrovmRecord => ({
  id: row['id'] as string,
  accountId: row['account_id'] as string,
  endpointLabel: row['endpoint_label'] as string,
  state: row['state'] as MicrovmState,
  stateReason: optional(row['state_reason']) as string | undefined,
  imageArn: row['image_arn'] as string,
  imageVersion: row['image_version'] as string,
  executionRoleArn: optional(row['execution_role_arn']) as string | undefined,
  idlePolicy: fromJson(row['idle_policy']) as IdlePolicy | undefined,
  logging: fromJson(row['logging']) as Logging | undefined,
  maximumDurationInSeconds: row['maximum_duration_seconds'] as number,
  ingressNetworkConnectors: fromJson(row['ingress_connectors']) as string[],
  egressNetworkConnectors: fromJson(row['egress_connectors']) as string[],
  startedAt: row['started_at'] as number,
  startedSteady: row['started_steady'] as number,
  lastActivity: optional(row['last_activity']) as number | undefined,
  suspendedAt: optional(row['suspended_at']) as number | undefined,
  terminatedAt: optional(row['terminated_at']) as number | undefined,
  resumeOnStart: row['resume_on_start'] === 1,
});

export type MicrovmRecords = Pick<
  Store,
  'insertMicrovm' | 'runHookPayload' | 'forgetRunHookPayload' | 'getMicrovm' | 'getMicrovmByEndpoint' | 'listMicrovms' | 'microvmsInStates' | 'updateMicrovm' | 'countTerminated' | 'deleteTerminated'
>;

export function microvmRecords(db: Database): MicrovmRecords {
  const insert = db.prepare(
    `INSERT INTO microvms (id, account_id, endpoint_label, state, state_reason, image_arn, image_version, execution_role_arn,
       idle_policy, logging, maximum_duration_seconds, ingress_connectors, egress_connectors, started_at, suspended_at,
       terminated_at, resume_on_start, started_steady, last_activity, run_payload)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const payload = db.prepare<[string], string | null>('SELECT run_payload FROM microvms WHERE id = ?').pluck();
  const forgetPayload = db.prepare('UPDATE microvms SET run_payload = NULL WHERE id = ? AND run_payload IS NOT NULL');
  const byId = db.prepare('SELECT * FROM microvms WHERE id = ?');
  const byLabel = db.prepare('SELECT * FROM microvms WHERE endpoint_label = ?');
  const inStates = db.prepare('SELECT * FROM microvms WHERE state IN (SELECT value FROM json_each(?)) ORDER BY seq');
  const terminated = "state = 'TERMINATED' AND terminated_at < @before AND (@account IS NULL OR account_id = @account)";
  const countTerminated = db.prepare(`SELECT COUNT(*) FROM microvms WHERE ${terminated}`).pluck();
  const deleteTerminated = db.prepare(`DELETE FROM microvms WHERE seq IN (SELECT seq FROM microvms WHERE ${terminated} LIMIT @limit)`);
  return {
    insertMicrovm(vm, runHookPayload) {
      insert.run(
        vm.id, vm.accountId, vm.endpointLabel, vm.state, vm.stateReason ?? null, vm.imageArn, vm.imageVersion,
        vm.executionRoleArn ?? null, toJson(vm.idlePolicy), toJson(vm.logging), vm.maximumDurationInSeconds,
        toJson(vm.ingressNetworkConnectors), toJson(vm.egressNetworkConnectors), vm.startedAt, vm.suspendedAt ?? null,
        vm.terminatedAt ?? null, vm.resumeOnStart ? 1 : 0, vm.startedSteady, vm.lastActivity ?? null, runHookPayload ?? null,
      );
    },
    runHookPayload: (id) => payload.get(id) ?? undefined,
    forgetRunHookPayload: (id) => void forgetPayload.run(id),
    getMicrovm(id) {
      const row = byId.get(id) as Row | undefined;
      return row && read(row);
    },
    getMicrovmByEndpoint(label) {
      const row = byLabel.get(label) as Row | undefined;
      return row && read(row);
    },
    listMicrovms: (filter, page) =>
      listPage(
        db,
        'microvms',
        { account_id: filter.accountId, image_arn: filter.imageArn, image_version: filter.imageVersion },
        page,
        read,
      ),
    microvmsInStates: (states) => (inStates.all(JSON.stringify(states)) as Row[]).map(read),
    countTerminated: (before, accountId) => countTerminated.get({ before, account: accountId ?? null }) as number,
    deleteTerminated: (before, accountId, limit) => deleteTerminated.run({ before, account: accountId ?? null, limit }).changes,
    updateMicrovm: (id, change) => updateRow(db, 'microvms', changeable, { id }, change),
  };
}
