/** The part of the store that keeps events (docs/events.md); seen through contracts.ts. */

export const EVENT_TYPES = ['MicroVM State Change', 'MicroVM Image State Change', 'MicroVM Image Build Step'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface NewEvent {
  readonly accountId: string;
  readonly id: string; // uuid
  /** ms since 1970 */
  readonly at: number;
  readonly type: EventType;
  /** ARNs. */
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface EventRecord extends NewEvent {
  /** Order over all accounts. */
  readonly position: number;
  /** Order within the account: 1, 2, 3 …, no number twice and none left out. */
  readonly number: number;
}

/** How far one webhook has been told. */
export interface DeliveryRecord {
  readonly target: string;
  /** Of the last event that is done with. */
  readonly position: number;
  /** Of the event after that one. */
  readonly tries: number;
}

export interface EventStore {
  /** Answers the event's number. */
  appendEvent(event: NewEvent): number;
  /** Those of the account after that number, oldest first. */
  eventsOf(accountId: string, afterNumber: number, limit: number): EventRecord[];
  /** Number of the account's last event; 0 when it never had one. */
  lastEventNumber(accountId: string): number;
  /** Those of all accounts after that position, oldest first. */
  eventsAfter(position: number, limit: number): EventRecord[];
  /** Position of the last event of all; 0 when there never was one. */
  lastEventPosition(): number;
  /** Forgets what is older than `before`, ms since 1970, and of each account all but the newest `keep`. */
  pruneEvents(before: number, keep: number): void;
  deliveries(): DeliveryRecord[];
  saveDelivery(delivery: DeliveryRecord): void;
  forgetDelivery(target: string): void;
}
