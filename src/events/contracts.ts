/** Events: what happened to an account's MicroVMs and images, as others are told (docs/events.md). */
import type { EventType } from '../store/contracts.js';

export { EVENT_TYPES } from '../store/contracts.js';
export type { EventType } from '../store/contracts.js';

/** In EventBridge's shape. */
export interface EventEnvelope {
  readonly version: '0';
  /** UUID, the same however often the event is told. */
  readonly id: string;
  readonly 'detail-type': EventType;
  readonly source: 'tardigrade.microvms';
  readonly account: string;
  /** ISO 8601, UTC, whole seconds. */
  readonly time: string;
  readonly region: string;
  /** ARNs. */
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface NumberedEvent {
  /** Counts up by one within the account: a gap between two is what was forgotten. */
  readonly number: number;
  readonly event: EventEnvelope;
}

/** Tells that there is something new; whoever is told reads it from the store. */
export interface EventWatch {
  /** 'news': there may be; 'quiet': none for `ms`. Rejects with the signal's reason. */
  next(ms: number, signal: AbortSignal): Promise<'news' | 'quiet'>;
  close(): void;
}

export interface EventFeed {
  /** Those kept after that number, oldest first. */
  after(accountId: string, number: number, limit: number): NumberedEvent[];
  /** Number of the newest; 0 when there never was one. */
  last(accountId: string): number;
  /** undefined: the account has as many as it may. */
  watch(accountId: string): EventWatch | undefined;
}

/** One step of a build, as it begins and as it ends. */
export interface BuildStepEvent {
  readonly accountId: string;
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly buildId: string;
  readonly step: string;
  readonly status: 'STARTED' | 'SUCCEEDED' | 'FAILED';
  readonly durationMs: number | null;
}
