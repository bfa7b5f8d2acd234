/**
 * The metadata service at 169.254.169.254 (IMDSv2): who asks, and where credentials of execution roles come from.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
import type { MicrovmRecord } from '../store/contracts.js';

/** A MicroVM as the metadata service sees it. */
export type MetadataSubject = Pick<MicrovmRecord, 'id' | 'accountId' | 'imageArn' | 'executionRoleArn' | 'startedAt'>;

/** Whose guest a connection comes from. */
export interface Guests {
  /** By the source address of its link, which no two have at once; undefined: none that is known, or one that has ended. */
  at(sourceAddress: string): MetadataSubject | undefined;
}

/** Temporary credentials of a role. Times are ms since 1970. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly token: string;
  readonly lastUpdated: number;
  readonly expiration: number;
}

export type RoleSubject = Pick<MetadataSubject, 'id' | 'accountId' | 'startedAt'> & { readonly roleArn: string };

/** Answers what a MicroVM is to use now, the same until it is time for fresh ones. */
export interface RoleCredentialSource {
  /** Throws {@link RoleDeniedError} and {@link RoleUnavailableError}. */
  credentialsOf(subject: RoleSubject): Promise<RoleCredentials>;
}

/**
 * The role may not be taken: asking again changes nothing until somebody changes the role. The message is the
 * operator's; what the guest is told names nothing of the host.
 */
export class RoleDeniedError extends Error {
  override readonly name = 'RoleDeniedError';
  constructor(
    message: string,
    readonly forGuest: string,
  ) {
    super(message);
  }
}

/** Whoever gives the credentials cannot be asked now. The message is the operator's. */
export class RoleUnavailableError extends Error {
  override readonly name = 'RoleUnavailableError';
}

export interface MetadataServer {
  /** Throws OperatorError when the address is taken or not there. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Idempotent. */
  close(): Promise<void>;
}
