/** What the wire needs of the layers around it that have no contract of their own yet. */

/** Spec §1.4 `PortSpecification`: exactly one member. Ports are 1..65535, ranges inclusive. */
export type AllowedPort =
  | { readonly port: number }
  | { readonly range: { readonly startPort: number; readonly endPort: number } }
  | { readonly allPorts: Readonly<Record<string, never>> };

export interface AppTokenRequest {
  readonly microvmId: string;
  /** At least one. */
  readonly allowedPorts: readonly AllowedPort[];
  /** 1..60 */
  readonly expiresInMinutes: number;
}

/** Lets into the shell of one MicroVM, and to no port of its application (spec §6). */
export interface ShellTokenRequest {
  readonly microvmId: string;
  /** 1..60 */
  readonly expiresInMinutes: number;
}

/** Mints what clients send as `X-aws-proxy-auth` (spec §5.4). */
export interface TokenIssuer {
  issueAppToken(request: AppTokenRequest): Promise<string>;
  issueShellToken(request: ShellTokenRequest): Promise<string>;
}

/** A request that was answered, or whose answer goes on; nothing of it is redacted yet. */
export interface ServedRequest {
  /** As the client has it in `x-amzn-requestid`. */
  readonly requestId: string;
  /** When it came, ms since 1970. */
  readonly at: number;
  /** Until the answer was ready, and for all but streams, sent. */
  readonly ms: number;
  readonly method: string;
  /** tardigrade: an extension of ours. */
  readonly service: 'lambda' | 's3' | 'logs' | 'tardigrade';
  /** Absent: no operation has its method and path. */
  readonly operation: string | undefined;
  /** Of the key it names, if there is one. */
  readonly caller: { readonly accountId: string; readonly accessKeyId: string; readonly principalArn?: string | undefined } | undefined;
  /** Does the signature hold? */
  readonly proven: boolean;
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
  /** Input members, once they are read. */
  readonly parameters: unknown;
  /** Members of the answer. */
  readonly response: unknown;
  readonly status: number;
  /** As the answer has it. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}
