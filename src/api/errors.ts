/** The one table from what is thrown to what the wire says (spec §2.0). */
import {
  AccessDeniedError, ConflictError, InsufficientCapacityError, NotFoundError, QuotaExceededError, RequestError, ThrottledError,
  UnsupportedOperationError, ValidationError,
} from '../errors/index.js';
import { AuthFailure, type AuthFailureKind } from './sigv4/failure.js';
import { SerializationError } from './validation.js';

export interface WireError {
  /** Shape name, sent as `x-amzn-errortype`. */
  readonly type: string;
  readonly status: number;
  readonly members: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body is larger than this server reads. */
export class RequestTooLargeError extends RequestError {}

/** No operation has this method and path. Unknown: unknown-path */
export class UnknownOperationError extends RequestError {}

/** In Service Quotas. */
const serviceCode = 'lambda';

const requestErrors: readonly (readonly [new (...args: never[]) => RequestError, type: string, status: number])[] = [
  [ValidationError, 'ValidationException', 400],
  [SerializationError, 'SerializationException', 400],
  [QuotaExceededError, 'ServiceQuotaExceededException', 402],
  [AccessDeniedError, 'AccessDeniedException', 403],
  [NotFoundError, 'ResourceNotFoundException', 404],
  [UnknownOperationError, 'UnknownOperationException', 404],
  [ConflictError, 'ConflictException', 409],
  [RequestTooLargeError, 'RequestTooLargeException', 413],
  [ThrottledError, 'ThrottlingException', 429],
  [InsufficientCapacityError, 'InsufficientCapacityException', 500],
  [UnsupportedOperationError, 'UnsupportedOperationException', 501],
];

const authFailures: Readonly<Record<AuthFailureKind, { type: string; status: number; message?: string }>> = {
  unsigned: { type: 'MissingAuthenticationTokenException', status: 403, message: 'Missing Authentication Token' },
  malformed: { type: 'IncompleteSignatureException', status: 400 },
  'unknown-key': { type: 'UnrecognizedClientException', status: 403, message: 'The security token included in the request is invalid.' },
  'session-token': { type: 'UnrecognizedClientException', status: 403, message: 'The security token included in the request is invalid.' },
  'session-expired': { type: 'ExpiredTokenException', status: 403 },
  'wrong-scope': { type: 'InvalidSignatureException', status: 403 },
  'header-not-signed': { type: 'InvalidSignatureException', status: 403 },
  skewed: { type: 'InvalidSignatureException', status: 403 },
  expired: { type: 'InvalidSignatureException', status: 403 },
  mismatch: { type: 'InvalidSignatureException', status: 403 },
  'body-mismatch': { type: 'InvalidSignatureException', status: 403 },
};

/** Of this family's errors. */
export const WIRE_TYPES: readonly string[] = [...requestErrors.map(([, type]) => type), ...Object.values(authFailures).map(({ type }) => type), 'TooManyRequestsException', 'InternalServerException'];

/** Tags and connectors keep the older errors of Lambda. */
const olderPaths = /^\/(2017-03-31|2026-04-04)\//;

/** undefined: not the caller's fault, see {@link internalError}. `path` tells which family of operations answers. */
export function toWireError(error: unknown, path = ''): WireError | undefined {
  if (error instanceof AuthFailure) {
    const { type, status, message } = authFailures[error.kind];
    return { type, status, members: { message: message ?? error.message } };
  }
  if (error instanceof ThrottledError && olderPaths.test(path)) {
    return { type: 'TooManyRequestsException', status: 429, members: { Type: 'User', message: error.message }, headers: retryAfter(error) };
  }
  const row = requestErrors.find(([errorClass]) => error instanceof errorClass);
  if (!row || !(error instanceof RequestError)) return undefined;
  const [, type, status] = row;
  const headers = error instanceof ThrottledError ? retryAfter(error) : {};
  return { type, status, members: { message: error.message, ...membersOf(error) }, headers };
}

function retryAfter(error: ThrottledError): Readonly<Record<string, string>> {
  return { 'retry-after': String(error.retryAfterSeconds) };
}

function membersOf(error: RequestError): Readonly<Record<string, string>> {
  if (error instanceof NotFoundError || error instanceof ConflictError) return { resourceType: error.resourceType, resourceId: error.resourceId };
  if (error instanceof QuotaExceededError) return { resourceType: error.resourceType, resourceId: error.resourceId, serviceCode, quotaCode: error.quotaCode };
  if (error instanceof ThrottledError) return error.quotaCode === undefined ? { serviceCode } : { serviceCode, quotaCode: error.quotaCode };
  return {};
}

export function internalError(requestId: string): WireError {
  return { type: 'InternalServerException', status: 500, members: { message: `Internal error; the server's log has it under request id ${requestId}` } };
}
