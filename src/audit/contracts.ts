/** The log of API calls: one record for each, in CloudTrail's shape, in the account it is about (docs/audit.md). */

/** Log group of an account in which CloudWatch Logs shows it. Nobody writes to it through the API. */
export const AUDIT_LOG_GROUP = '/tardigrade/audit';

/** Streams of the group, each with a share of its own, so that many cheap calls do not push out the few that changed something. */
export const AUDIT_STREAMS = ['changes', 'reads', 'data', 'refused'] as const;
export type AuditStream = (typeof AUDIT_STREAMS)[number];

/** Members that CloudTrail's records have, in the order it gives them. */
export interface AuditRecord {
  readonly eventVersion: '1.11';
  readonly userIdentity: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC, whole seconds. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: unknown;
  readonly responseElements: unknown;
  /** `x-amzn-requestid` of the answer. */
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly eventType: 'AwsApiCall';
  readonly managementEvent: boolean;
  readonly recipientAccountId: string;
  readonly eventCategory: 'Management' | 'Data';
}
