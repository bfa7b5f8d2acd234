/**
 * The error types every layer throws. A message says what happened, the value, the rule and the way out.
 *
 * - request errors: the caller fixes the request; `api/` turns each into the AWS error of the same name.
 * - {@link OperatorError}: whoever runs the host fixes the host.
 * - {@link Fault}: ours; something that must not happen did.
 */
export abstract class RequestError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** AWS `ValidationException` (400). `field` is the wire member at fault, when there is one. */
export class ValidationError extends RequestError {
  constructor(
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

/** AWS `AccessDeniedException` (403). */
export class AccessDeniedError extends RequestError {}

/** AWS `ResourceNotFoundException` (404). */
export class NotFoundError extends RequestError {
  constructor(
    message: string,
    readonly resourceType: ResourceType,
    readonly resourceId: string,
  ) {
    super(message);
  }
}

/** AWS `ConflictException` (409): not allowed in the resource's current state. */
export class ConflictError extends RequestError {
  constructor(
    message: string,
    readonly resourceType: ResourceType,
    readonly resourceId: string,
  ) {
    super(message);
  }
}

/** AWS `ServiceQuotaExceededException` (402): an account has as much as it may. */
export class QuotaExceededError extends RequestError {
  constructor(
    message: string,
    readonly resourceType: ResourceType,
    readonly resourceId: string,
    /** AWS's code of the quota, e.g. `L-942E56BE`. */
    readonly quotaCode: string,
  ) {
    super(message);
  }
}

/** AWS `ThrottlingException` or `TooManyRequestsException` (429), as the operation's family has it. */
export class ThrottledError extends RequestError {
  constructor(
    message: string,
    /** Whole seconds, at least 1. */
    readonly retryAfterSeconds: number,
    readonly quotaCode?: string,
  ) {
    super(message);
  }
}

/** AWS `InsufficientCapacityException` (500): the host has no room for another MicroVM. */
export class InsufficientCapacityError extends RequestError {}

/** Known AWS operation this server does not serve yet (501). */
export class UnsupportedOperationError extends RequestError {}

export type ResourceType = 'microvm-image' | 'microvm-image-version' | 'microvm-image-build' | 'microvm' | 'network-connector';

/** The host must be changed (missing program, port in use, no disk): the message says how. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}

/** An internal invariant broke. */
export class Fault extends Error {
  override readonly name = 'Fault';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
