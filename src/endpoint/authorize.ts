/**
 * Who may reach which port of which MicroVM. Knows no protocol: HTTP/1.1 requests, upgrades and HTTP/2 streams
 * are all admitted here. Nothing reaches, or wakes, a guest before it.
 */
import type { MicrovmGateway } from '../microvms/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { createLabelOf } from './hosts.js';
import { isPortAllowed, parsePort } from './ports.js';
import { REFUSAL, type Refusal } from './refusals.js';
import type { TokenMemo, TokenService, Verification } from './tokens.js';

export interface Credentials {
  readonly host: string;
  /** TLS server name, when the client sent one. */
  readonly serverName: string | undefined;
  readonly token: string | undefined;
  /** As text, to be checked here. */
  readonly port: string | undefined;
  /** Of the client's connection. */
  readonly memo?: TokenMemo | undefined;
}

export interface Target {
  readonly microvm: MicrovmRecord;
  readonly port: number;
}

export type Admission = { readonly target: Target } | { readonly shell: MicrovmRecord } | { readonly refusal: Refusal };
/** At once when the token is known. */
export type Authorize = (credentials: Credentials) => Admission | Promise<Admission>;

export interface AuthorizeDeps {
  readonly domain: string;
  readonly tokens: Pick<TokenService, 'verify'>;
  readonly gateway: Pick<MicrovmGateway, 'find'>;
}

const DEFAULT_PORT = 8080; // spec §5.2

/** Order of checks: host, token, port syntax, port allowed. A shell token leads to the shell and nowhere else. Unknown: endpoint-order */
export function createAuthorize(deps: AuthorizeDeps): Authorize {
  const labelOf = createLabelOf(deps.domain);
  return ({ host, serverName, token, port, memo }) => {
    const label = labelOf(host, serverName);
    const microvm = label === undefined ? undefined : deps.gateway.find(label);
    if (microvm === undefined) return { refusal: REFUSAL.wrongToken };
    if (token === undefined) return { refusal: REFUSAL.missingToken };
    const verified = deps.tokens.verify(token, memo);
    return verified instanceof Promise ? verified.then((result) => admit(microvm, result, port)) : admit(microvm, verified, port);
  };
}

function admit(microvm: MicrovmRecord, verified: Verification, portText: string | undefined): Admission {
  if (verified.kind === 'unreadable') return { refusal: REFUSAL.missingToken };
  if (verified.kind === 'expired' || verified.claims.microvmId !== microvm.id) return { refusal: REFUSAL.wrongToken };
  if (verified.claims.kind === 'shell') return shellPort(portText) ?? { shell: microvm };
  const port = portText === undefined ? DEFAULT_PORT : parsePort(portText);
  if (port === undefined) return { refusal: REFUSAL.badRequest };
  if (!isPortAllowed(verified.claims.ports, port)) return { refusal: REFUSAL.wrongPort };
  return { target: { microvm, port } };
}

const SHELL_PORT = 8022; // spec §6

/** A shell token needs no port. Unknown: shell-port */
function shellPort(portText: string | undefined): { refusal: Refusal } | undefined {
  if (portText === undefined) return undefined;
  const port = parsePort(portText);
  if (port === undefined) return { refusal: REFUSAL.badRequest };
  return port === SHELL_PORT ? undefined : { refusal: REFUSAL.wrongPort };
}
