/** Customer network connectors (spec §7.2): VPC egress, made by the customer, named by MicroVMs and images. */
import type { Principal } from '../images/contracts.js';
import type { EgressPolicy } from '../network/contracts.js';
import type { ConnectorConfiguration, ConnectorRecord, ConnectorState, Page, PageRequest } from '../store/contracts.js';

export { isCustomerConnector, isNoEgress, managedName } from './arn.js';

export interface CreateConnectorInput {
  readonly name: string;
  readonly configuration: ConnectorConfiguration;
  readonly operatorRole?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface UpdateConnectorInput {
  /** Replaces the one before wholly. */
  readonly configuration?: ConnectorConfiguration | undefined;
  readonly operatorRole?: string | undefined;
}

/** `identifier` is an id, a name or an ARN. Every method throws the request errors of `errors/`; shapes are checked by `api/`. */
export interface ConnectorService {
  /** PENDING; ACTIVE a moment later. */
  create(who: Principal, input: CreateConnectorInput): ConnectorRecord;
  get(who: Principal, identifier: string): ConnectorRecord;
  list(who: Principal, state: ConnectorState | undefined, page: PageRequest): Page<ConnectorRecord>;
  /** Stays ACTIVE with `lastUpdateStatus` InProgress; Successful a moment later. ConflictError unless ACTIVE and settled. */
  update(who: Principal, identifier: string, input: UpdateConnectorInput): ConnectorRecord;
  /** DELETING; gone a moment later. ConflictError while in use. */
  delete(who: Principal, identifier: string): ConnectorRecord;
}

/** What `images/` and `microvms/` ask before they take a customer connector. */
export interface ConnectorCatalog {
  /** Throws ValidationError when the account has no such connector, ConflictError when it is not ACTIVE. `field` is the wire member. */
  requireUsable(who: Principal, arn: string, field: string): void;
  /** What these connectors, managed ones too, let a guest of the account reach, as things are now. */
  egressOf(accountId: string, arns: readonly string[]): EgressPolicy;
}
