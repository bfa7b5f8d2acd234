/** MicroVMs, their extensions and tokens (docs/api-extensions.md). Times are epoch seconds. */
import { call, pages, query } from './client.js';

export type MicrovmState = 'PENDING' | 'RUNNING' | 'SUSPENDING' | 'SUSPENDED' | 'TERMINATING' | 'TERMINATED';

export interface MicrovmSummary {
  readonly microvmId: string;
  readonly state: MicrovmState;
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly startedAt: number;
}

export interface IdlePolicy {
  readonly maxIdleDurationSeconds: number;
  readonly suspendedDurationSeconds: number;
  readonly autoResumeEnabled: boolean;
}

export interface Microvm extends MicrovmSummary {
  readonly endpoint: string;
  readonly maximumDurationInSeconds: number;
  readonly executionRoleArn: string | null;
  readonly idlePolicy: IdlePolicy | null;
  readonly terminatedAt: number | null;
  readonly stateReason: string | null;
  readonly ingressNetworkConnectors: readonly string[];
  readonly egressNetworkConnectors: readonly string[];
}

export interface Transition {
  readonly to: MicrovmState;
  readonly at: number;
  readonly because: string;
}

export interface Outlook {
  readonly state: MicrovmState;
  readonly lastActivityAt: number | null;
  readonly next: Transition | null;
  readonly transitions: readonly Transition[];
}

export interface Launch {
  readonly kind: 'RUN' | 'RESUME';
  readonly startedAt: number;
  readonly totalMs: number;
  readonly phases: readonly { readonly name: string; readonly startMs: number; readonly durationMs: number }[];
}

export interface Samples {
  readonly intervalSeconds: number;
  readonly samples: readonly { readonly at: number; readonly cpu: number; readonly memoryBytes: number }[];
}

export interface TopRow {
  readonly microvmId: string;
  readonly cpu: number | null;
  readonly memoryBytes: number | null;
  readonly memoryMiB: number;
  readonly runningSeconds: number;
}

export interface RunInput {
  readonly imageIdentifier: string;
  readonly imageVersion?: string;
  readonly executionRoleArn?: string;
  readonly idlePolicy?: IdlePolicy;
  readonly runHookPayload?: string;
  readonly maximumDurationInSeconds?: number;
  readonly ingressNetworkConnectors?: readonly string[];
  readonly egressNetworkConnectors?: readonly string[];
}

const ALL = '/api/2025-09-09/microvms';
const EXTENSIONS = '/api/tardigrade/v1/microvms';
const one = (id: string): string => `${ALL}/${encodeURIComponent(id)}`;

export function listMicrovms(signal: AbortSignal, imageArn?: string): Promise<MicrovmSummary[]> {
  interface Page {
    readonly items: readonly MicrovmSummary[];
    readonly nextToken: string | null;
  }
  return pages((nextToken) => call<Page>(`${ALL}${query({ imageIdentifier: imageArn, nextToken })}`, { signal }), ({ items }) => items, ({ nextToken }) => nextToken);
}

export const getMicrovm = (id: string, signal: AbortSignal): Promise<Microvm> => call(one(id), { signal });
export const runMicrovm = (input: RunInput, clientToken: string): Promise<Microvm> => call(ALL, { method: 'POST', body: { ...input, clientToken } });
export const suspendMicrovm = (id: string): Promise<void> => call(`${one(id)}/suspend`, { method: 'POST' });
export const resumeMicrovm = (id: string): Promise<void> => call(`${one(id)}/resume`, { method: 'POST' });
export const terminateMicrovm = (id: string): Promise<void> => call(one(id), { method: 'DELETE' });

interface Token {
  readonly authToken: Readonly<Record<'X-aws-proxy-auth', string>>;
}

export async function mintToken(id: string, port: number, minutes: number): Promise<string> {
  const { authToken } = await call<Token>(`${one(id)}/auth-token`, { method: 'POST', body: { expirationInMinutes: minutes, allowedPorts: [{ port }] } });
  return authToken['X-aws-proxy-auth'];
}

export async function mintShellToken(id: string): Promise<string> {
  const { authToken } = await call<Token>(`${one(id)}/shell-auth-token`, { method: 'POST', body: { expirationInMinutes: 1 } });
  return authToken['X-aws-proxy-auth'];
}

export const getOutlook = (id: string, signal: AbortSignal): Promise<Outlook> => call(`${EXTENSIONS}/${encodeURIComponent(id)}/outlook`, { signal });
export const getSamples = (id: string, signal: AbortSignal): Promise<Samples> => call(`${EXTENSIONS}/${encodeURIComponent(id)}/samples`, { signal });

export async function getLaunches(id: string, signal: AbortSignal): Promise<readonly Launch[]> {
  return (await call<{ launches: readonly Launch[] }>(`${EXTENSIONS}/${encodeURIComponent(id)}/launches`, { signal })).launches;
}

export async function getTop(signal: AbortSignal): Promise<readonly TopRow[]> {
  return (await call<{ microvms: readonly TopRow[] }>('/api/tardigrade/v1/top', { signal })).microvms;
}
