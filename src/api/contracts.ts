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
