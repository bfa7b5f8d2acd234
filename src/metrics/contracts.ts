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

/** Every method is cheap, synchronous and never throws. */
export interface Metrics {
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

/** For tests, and where nobody counts. */
export const noMetrics: Metrics = {
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
