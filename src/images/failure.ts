/** Why a build failed, as the caller reads it in `stateReason`. */
import { messageOf } from '../errors/index.js';

/** The documented codes (spec §3.3). */
export type FailureCode =
  | 'S3_ACCESS_DENIED' | 'S3_NO_SUCH_KEY' | 'S3_NO_SUCH_BUCKET' | 'S3_INVALID_OBJECT'
  | 'ARCHIVE_DOCKERFILE_NOT_FOUND' | 'ARCHIVE_INVALID'
  | 'CONTAINER_BUILD_FAILED' | 'DISK_STORAGE_FULL' | 'INTERNAL_PLATFORM_ERROR';

/**
 * `code` is absent for hook failures: the service reports those as bare texts, and no documented code names them.
 * `cause` is for the operator's log.
 */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
  constructor(
    readonly code: FailureCode | undefined,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** `CODE: text`, or the text alone when there is no code. */
  get stateReason(): string {
    return this.code === undefined ? this.message : `${this.code}: ${this.message}`;
  }
}

/** The failure that stands for anything a step threw. `doing` completes "while …". */
export function toBuildFailure(error: unknown, doing: string): BuildFailure {
  if (error instanceof BuildFailure) return error;
  if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
    return new BuildFailure('DISK_STORAGE_FULL', `The host's disk is full while ${doing}. Free space in the data folder and build again.`, { cause: error });
  }
  return new BuildFailure('INTERNAL_PLATFORM_ERROR', `The platform failed while ${doing}: ${messageOf(error)}`, { cause: error });
}

/** How often a build is begun before it is given up: what it does may be what ends the daemon. */
export const MAX_ATTEMPTS = 3;

/** What a build ends with when the daemon ended under it too often. */
export const restarted = (): BuildFailure => new BuildFailure('INTERNAL_PLATFORM_ERROR', `The service ended ${MAX_ATTEMPTS} times during the build.`);

/** What a build is aborted with when the daemon stops: its end is not recorded, and the next daemon begins it anew. */
export const stopping = (): BuildFailure => new Stopping('INTERNAL_PLATFORM_ERROR', 'The service stops.');

class Stopping extends BuildFailure {}

/** Was that what the build was aborted with? Then it has not failed. */
export const isStopping = (reason: unknown): boolean => reason instanceof Stopping;
