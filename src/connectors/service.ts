import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock/index.js';
import { ConflictError, Fault, NotFoundError, QuotaExceededError, ValidationError } from '../errors/index.js';
import type { Principal } from '../images/contracts.js';
import type { ConnectorRecord, Store } from '../store/contracts.js';
import { checkTags } from '../tags/rules.js';
import { connectorArn, managedName, parseConnectorArn } from './arn.js';
import type { ConnectorCatalog, ConnectorService, CreateConnectorInput } from './contracts.js';
import { union, vpcEgress } from './egress.js';
import { type Networks, problemOf } from './networks.js';
import { Settling } from './settling.js';
import { INTERNET, NO_EGRESS } from '../network/contracts.js';

export interface ConnectorsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly region: string;
  /** Connectors an account may have; null for no limit. Default 100. Unknown: connector-quota */
  readonly maxPerAccount?: number | null;
  /** Absent: none are known, and connectors lead nowhere. */
  readonly networks?: Networks | undefined;
  /** Default: node's. */
  readonly uuid?: () => string;
}

export interface Connectors extends ConnectorService, ConnectorCatalog {
  /** Settles what an earlier daemon left. Once, before the first request. */
  start(): void;
  close(): void;
}

export function createConnectors(deps: ConnectorsDeps): Connectors {
  const { store, clock, region, maxPerAccount = 100, networks, uuid = randomUUID } = deps;
  const settling = new Settling(store, clock, (configuration) => problemOf(networks, configuration));

  /** An ARN with a version suffix names the connector if that is its current version. Unknown: connector-arn-version */
  function lookup(who: Principal, identifier: string): ConnectorRecord | undefined {
    const name = parseConnectorArn(identifier);
    const byId = store.getConnector(name?.id ?? identifier);
    const own = byId?.accountId === who.accountId ? byId : undefined;
    if (name === undefined) return own ?? store.getConnectorByName(who.accountId, identifier);
    return own !== undefined && own.arn === name.arn && (name.version ?? own.version) === own.version ? own : undefined;
  }

  function find(who: Principal, identifier: string): ConnectorRecord {
    const found = lookup(who, identifier);
    if (found === undefined) throw new NotFoundError(`Network connector not found: ${identifier}`, 'network-connector', identifier);
    return found;
  }

  function changed(id: string, change: Parameters<Store['updateConnector']>[1]): ConnectorRecord {
    store.updateConnector(id, { ...change, lastModified: clock.now() });
    settling.start(id);
    const connector = store.getConnector(id);
    if (connector === undefined) throw new Fault(`the record of connector ${id} is gone`);
    return connector;
  }

  return {
    create(who, input) {
      const operatorRole = requireRole(input);
      checkTags(input.tags, 'Tags');
      // Unknown: connector-name-taken
      const taken = store.getConnectorByName(who.accountId, input.name);
      if (taken !== undefined) throw new ConflictError(`A network connector with the name '${input.name}' already exists in this account`, 'network-connector', taken.id);
      if (maxPerAccount !== null && store.countConnectors(who.accountId) >= maxPerAccount) {
        throw new QuotaExceededError(`Account ${who.accountId} already has the maximum of ${maxPerAccount} network connectors: delete one first`, 'network-connector', who.accountId, '');
      }
      const id = `nc-${uuid()}`;
      const connector: ConnectorRecord = {
        id, arn: connectorArn(region, who.accountId, id), accountId: who.accountId, name: input.name, configuration: input.configuration, operatorRole,
        state: 'PENDING', version: 1, lastUpdateStatus: 'InProgress', tags: input.tags, lastModified: clock.now(),
      };
      store.insertConnector(connector);
      settling.start(id);
      return connector;
    },
    get: find,
    list: (who, state, page) => store.listConnectors({ accountId: who.accountId, state }, page),
    update(who, identifier, { configuration, operatorRole }) {
      const before = find(who, identifier);
      if (before.state !== 'ACTIVE' || before.lastUpdateStatus === 'InProgress') {
        throw new ConflictError(`Network connector ${before.arn} is in state ${before.state} (last update: ${before.lastUpdateStatus}): it must be ACTIVE with no update in progress`, 'network-connector', before.id);
      }
      const problem = configuration === undefined ? undefined : problemOf(networks, configuration);
      // It goes on as it was, and says so in a moment. Unknown: connector-bad-update
      if (problem !== undefined) {
        return changed(before.id, { lastUpdateStatus: 'InProgress', lastUpdateStatusReason: problem.reason, lastUpdateStatusReasonCode: problem.code });
      }
      // What is left out stays; the state stays ACTIVE meanwhile. Unknown: connector-update
      return changed(before.id, {
        configuration: configuration ?? before.configuration,
        operatorRole: operatorRole ?? before.operatorRole,
        version: before.version + 1,
        lastUpdateStatus: 'InProgress',
        lastUpdateStatusReason: undefined,
        lastUpdateStatusReasonCode: undefined,
      });
    },
    delete(who, identifier) {
      const before = find(who, identifier);
      if (before.state === 'DELETING') return before;
      // Unknown: connector-delete-in-use
      if (store.isConnectorInUse(before.arn)) {
        throw new ConflictError(`Network connector ${before.arn} is in use: terminate the MicroVMs and delete the image versions that name it first`, 'network-connector', before.id);
      }
      return changed(before.id, { state: 'DELETING' });
    },
    requireUsable(who, arn, field) {
      const connector = parseConnectorArn(arn) === undefined ? undefined : lookup(who, arn);
      // Unknown: connector-unusable
      if (connector === undefined) throw new ValidationError(`Network connector ${arn} does not exist in this account`, field);
      if (connector.state !== 'ACTIVE') {
        throw new ConflictError(`Network connector ${connector.arn} is in state ${connector.state}: it must be ACTIVE to be used`, 'network-connector', connector.id);
      }
    },
    egressOf(accountId, arns) {
      return union(arns.map((arn) => {
        if (managedName(arn) === 'INTERNET_EGRESS') return INTERNET;
        const { id } = parseConnectorArn(arn) ?? {};
        const connector = id === undefined ? undefined : store.getConnector(id);
        return connector?.accountId === accountId ? vpcEgress(networks, connector.configuration) : NO_EGRESS;
      }));
    },
    start() {
      for (const { id } of store.unsettledConnectors()) settling.settle(id);
    },
    close: () => settling.close(),
  };
}

/** The model has it optional, the service does not (spec §7.2). */
function requireRole({ operatorRole }: CreateConnectorInput): string {
  if (operatorRole === undefined) throw new ValidationError('NetworkConnectorOperatorRole is required for VPC_EGRESS connector type', 'OperatorRole');
  return operatorRole;
}
