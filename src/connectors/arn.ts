/** Names of customer connectors on the wire (spec §1.2, §7.2). */

export interface ConnectorName {
  readonly arn: string;
  readonly id: string;
  /** Of the suffix `:<n>`, when there is one. */
  readonly version?: number | undefined;
}

const ARN = /^(arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:network-connector:([a-zA-Z0-9-_]+))(?::([1-9]\d{0,14}))?$/;

export function connectorArn(region: string, accountId: string, id: string): string {
  return `arn:aws:lambda:${region}:${accountId}:network-connector:${id}`;
}

/** undefined: not the ARN of a customer connector. */
export function parseConnectorArn(text: string): ConnectorName | undefined {
  const [, arn, id, version] = ARN.exec(text) ?? [];
  if (arn === undefined || id === undefined) return undefined;
  return { arn, id, version: version === undefined ? undefined : Number(version) };
}

/** Of a customer, not one of AWS's. */
export function isCustomerConnector(arn: string): boolean {
  return ARN.test(arn);
}

const MANAGED = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:aws:network-connector:aws-network-connector:([^:]+)$/;
const EXTENSION = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:tardigrade:network-connector:tardigrade-network-connector:([^:]+)$/;

/** Name of one of AWS's own connectors. */
export function managedName(arn: string): string | undefined {
  return MANAGED.exec(arn)?.[1];
}

/** The connector that opens nothing, which AWS does not have (docs/api-extensions.md). */
export function isNoEgress(arn: string): boolean {
  return EXTENSION.exec(arn)?.[1] === 'NO_EGRESS';
}
