/** Connectors as the wire shows them (spec §7.2): PascalCase, times in ISO 8601, absent members left out. */
import type { ConnectorRecord } from '../../store/contracts.js';

export function connectorAnswer(connector: ConnectorRecord) {
  return {
    Arn: connector.arn,
    Name: connector.name,
    Id: connector.id,
    Configuration: connector.configuration,
    OperatorRole: connector.operatorRole,
    State: connector.state,
  };
}

export function connectorDetail(connector: ConnectorRecord) {
  return {
    ...connectorAnswer(connector),
    Version: connector.version,
    ...(connector.stateReasonCode === undefined ? {} : { StateReason: connector.stateReason, StateReasonCode: connector.stateReasonCode }),
    LastUpdateStatus: connector.lastUpdateStatus,
    ...(connector.lastUpdateStatus === 'Failed' ? { LastUpdateStatusReason: connector.lastUpdateStatusReason, LastUpdateStatusReasonCode: connector.lastUpdateStatusReasonCode } : {}),
    LastModified: isoTime(connector.lastModified),
  };
}

export function connectorSummary(connector: ConnectorRecord) {
  return {
    Arn: connector.arn,
    Name: connector.name,
    Id: connector.id,
    Type: 'VPC_EGRESS',
    State: connector.state,
    LastModified: isoTime(connector.lastModified),
  };
}

/** `ms` since 1970. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
