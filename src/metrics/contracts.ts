/**
 * What the daemon counts for its operator. Layers call {@link Metrics}; the API's listener serves {@link MetricsPage}.
 * Label values come from the closed lists below, never from tenants, so that the number of series is bounded.
 */
import { EVENT_TYPES, type EventType, type LaunchKind, type LaunchPhase, type MicrovmState } from '../store/contracts.js';

export { EVENT_TYPES };

/** Why a MicroVM, or a step of its life, came to grief. */
export const FAULT_KINDS = [
  'vmm-killed', // the VMM's process ended and nobody of ours asked it to
  'guest-panic', // the guest's kernel gave up
  'app-exited', // the main process of the container ended
  'agent-lost', // the guest's agent does not answer
  'disk-full', // no space for overlay, snapshot or log
  'store-unwritable', // a change of state could not be recorded
  'snapshot-damaged', // truncated, or a checksum differs
  'snapshot-mismatch', // made by another VMM, CPU or machine than this host's
  'out-of-memory', // the kernel's OOM killer ended the VMM
  'hook-failed',
  'launch-failed',
  'resume-failed',
  'suspend-failed',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const STEPS = ['launch', 'suspend', 'resume', 'terminate', 'build'] as const;
export type Step = (typeof STEPS)[number];

/** Of a launch or resume, in order (src/microvms/launch-timelines.ts). */
export const LAUNCH_PHASES = ['queue', 'restore', 'fault-in', 'hook', 'first-byte'] as const satisfies readonly LaunchPhase[];
export const LAUNCH_KINDS = ['RUN', 'RESUME'] as const satisfies readonly LaunchKind[];

/** How a call of AssumeRole ended, its tries together. */
export const ASSUME_ROLE_OUTCOMES = ['assumed', 'denied', 'unavailable'] as const;
export type AssumeRoleOutcome = (typeof ASSUME_ROLE_OUTCOMES)[number];

/** What became of an event and a webhook: taken, refused or not taken and tried again, given up, forgotten before it was told. */
export const WEBHOOK_OUTCOMES = ['delivered', 'failed', 'given-up', 'dropped'] as const;
export type WebhookOutcome = (typeof WEBHOOK_OUTCOMES)[number];

export const AUDIT_OUTCOMES = ['written', 'left-out'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export const API_SERVICES = ['lambda', 'tardigrade', 's3', 'logs'] as const;

export interface ApiRequest {
  readonly service: (typeof API_SERVICES)[number];
  /** Absent: none has its method and path. */
  readonly operation: string | undefined;
  readonly status: number;
  /** Type, as the answer has it. */
  readonly error: string | undefined;
  readonly ms: number;
}

export interface ApiMetrics {
  /** A request to the API is answered. */
  apiRequest(request: ApiRequest): void;
}

/** What became of a request to a MicroVM: the class of the application's answer, or why there was none. */
export const PROXY_OUTCOMES = [
  '2xx', '3xx', '4xx', '5xx',
  'upgraded', // to a WebSocket or another protocol of the application's
  'shell',
  'unauthorized', // no token, or one that does not admit
  'bad-request',
  'too-many', // more connections than the MicroVM may have
  'app-failed', // nothing listens, or it broke off
  'microvm-unreachable', // ended, suspended for good, or not to be resumed
  'client-left', // before there was an answer
  'internal',
] as const;
export type ProxyOutcome = (typeof PROXY_OUTCOMES)[number];

export interface ProxyMetrics {
  /** Once for each request. */
  proxyRequest(outcome: ProxyOutcome): void;
  /** A client has come, or gone. */
  proxyConnection(change: 1 | -1): void;
  proxyBytes(direction: 'in' | 'out', bytes: number): void;
  /** ms from passing a request on until its answer began. */
  proxyUpstream(ms: number): void;
}

/** Every method is cheap, synchronous and never throws. */
export interface Metrics extends ApiMetrics, ProxyMetrics {
  /** Once per incident, by the layer that decides what it means for the MicroVM. */
  fault(kind: FaultKind): void;
  /** A MicroVM has entered a state. */
  transition(to: MicrovmState): void;
  /** How long a step took, whether it succeeded or not. */
  observe(step: Step, seconds: number): void;
  /** How long a phase of a launch or resume that succeeded took. */
  launchPhase(kind: LaunchKind, phase: LaunchPhase, seconds: number): void;
  /** What a suspend wrote: pages the guest had dirtied, bytes of pages and device state. */
  suspended(info: { readonly dirtyPages: number; readonly bytes: number }): void;
  /** A record could not be written; the daemon goes on from memory. */
  storeWriteFailed(): void;
  /** The wall clock jumped, forwards or backwards. */
  clockStepped(): void;
  /** STS was asked for credentials of an execution role. */
  assumedRole(outcome: AssumeRoleOutcome): void;
  /** An event has become durable. */
  event(type: EventType): void;
  /** So many events came to that end at a webhook. */
  webhook(outcome: WebhookOutcome, events: number): void;
  /** A call of the API was recorded, or not, as its account has too many refusals. */
  audited(outcome: AuditOutcome): void;
}

export const noProxyMetrics: ProxyMetrics = {
  proxyRequest: () => undefined,
  proxyConnection: () => undefined,
  proxyBytes: () => undefined,
  proxyUpstream: () => undefined,
};

/** For tests, and where nobody counts. */
export const noMetrics: Metrics = {
  ...noProxyMetrics,
  apiRequest: () => undefined,
  fault: () => undefined,
  transition: () => undefined,
  observe: () => undefined,
  launchPhase: () => undefined,
  suspended: () => undefined,
  storeWriteFailed: () => undefined,
  clockStepped: () => undefined,
  assumedRole: () => undefined,
  event: () => undefined,
  webhook: () => undefined,
  audited: () => undefined,
};

export interface MetricsPage {
  readonly contentType: string;
  /** In Prometheus' text format. */
  render(): Promise<string>;
}
