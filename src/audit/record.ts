import { randomUUID } from 'node:crypto';
import type { ServedRequest } from '../api/contracts.js';
import type { AuditRecord, AuditStream } from './contracts.js';
import { cut, redact } from './redact.js';

type Caller = NonNullable<ServedRequest['caller']>;

const SOURCES: Readonly<Record<ServedRequest['service'], string>> = { lambda: 'lambda.amazonaws.com', s3: 's3.amazonaws.com', logs: 'logs.amazonaws.com', tardigrade: 'tardigrade' };

/** Operations that change nothing. Minting a token does: it gives access. */
const READS = /^(Get|List|Head|Describe|Filter|StartLiveTail$|StreamEvents$)/;

export function recordOf(request: ServedRequest, caller: Caller, region: string): AuditRecord {
  const { requestId, at, service, operation, sourceIp = '', userAgent = '', error } = request;
  const readOnly = isRead(request);
  const data = service === 's3' || service === 'logs';
  return {
    eventVersion: '1.11',
    userIdentity: identityOf(caller),
    eventTime: `${new Date(at).toISOString().slice(0, 19)}Z`,
    eventSource: SOURCES[service],
    eventName: cut(operation ?? 'UnknownOperation', 128),
    awsRegion: region,
    // An IPv4 peer of a dual-stack listener shows as ::ffff:a.b.c.d.
    sourceIPAddress: sourceIp.replace(/^::ffff:(?=\d+\.)/, ''),
    userAgent: cut(userAgent, 512),
    ...(error === undefined ? {} : { errorCode: error.code, errorMessage: cut(error.message) }),
    // Who could not prove to be the caller wrote them.
    requestParameters: request.proven ? redact(request.parameters) : null,
    responseElements: readOnly || data || error !== undefined ? null : redact(request.response),
    requestID: requestId,
    eventID: randomUUID(),
    readOnly,
    eventType: 'AwsApiCall',
    managementEvent: !data,
    recipientAccountId: caller.accountId,
    eventCategory: data ? 'Data' : 'Management',
  };
}

/** `refused` is what costs its sender nothing: a signature that does not hold, a call above the rate. */
export function streamOf(request: ServedRequest): AuditStream {
  if (!request.proven || request.status === 429) return 'refused';
  if (request.service === 's3' || request.service === 'logs') return 'data';
  return isRead(request) ? 'reads' : 'changes';
}

function isRead({ operation, method }: ServedRequest): boolean {
  return operation === undefined ? method === 'GET' || method === 'HEAD' : READS.test(operation);
}

function identityOf({ accountId, accessKeyId, principalArn }: Caller): Readonly<Record<string, unknown>> {
  const [, partition = 'aws', roleAccount = accountId, role, session] = /^arn:([^:]+):sts::(\d{12}):assumed-role\/([^/]+)\/(.+)$/.exec(principalArn ?? '') ?? [];
  if (role === undefined || session === undefined) {
    return { type: 'IAMUser', principalId: accessKeyId, arn: `arn:aws:iam::${accountId}:user/${accessKeyId}`, accountId, accessKeyId, userName: accessKeyId };
  }
  const sessionIssuer = { type: 'Role', arn: `arn:${partition}:iam::${roleAccount}:role/${role}`, accountId: roleAccount, userName: role };
  return { type: 'AssumedRole', principalId: `${accessKeyId}:${session}`, arn: principalArn, accountId, accessKeyId, sessionContext: { sessionIssuer } };
}
