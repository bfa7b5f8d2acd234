/** What happens to a MicroVM by the passing of time (spec §4.1, §4.3): one timer each, for the next thing due. */
import type { Clock } from '../clock/index.js';
import type { MicrovmRecord } from '../store/contracts.js';

export type TimedEvent = 'lifetimeOver' | 'idle' | 'suspendedTooLong';

export interface TimedFacts {
  readonly record: Pick<
    MicrovmRecord,
    'state' | 'startedSteady' | 'suspendedAt' | 'maximumDurationInSeconds' | 'idlePolicy' | 'resumeOnStart'
  >;
  /** Steady ms: last byte through the endpoint, or when it began to run. */
  readonly lastActivity: number;
  /** Being resumed right now: it is not to be ended for having been suspended long. */
  readonly resuming: boolean;
}

export interface Deadline {
  /** Steady ms. */
  readonly at: number;
  readonly event: TimedEvent;
}

/** The next thing due, from facts alone; undefined when it is ending. The lifetime counts suspended time too. */
export function nextDeadline(facts: TimedFacts): Deadline | undefined {
  return deadlines(facts)[0];
}

/** All that time will do to it as things stand, the next one first. */
export function deadlines({ record, lastActivity, resuming }: TimedFacts): Deadline[] {
  if (record.state === 'TERMINATING' || record.state === 'TERMINATED') return [];
  const lifetime: Deadline = { at: record.startedSteady + record.maximumDurationInSeconds * 1000, event: 'lifetimeOver' };
  const policy = policyDeadline(record, lastActivity, resuming);
  if (policy === undefined) return [lifetime];
  return policy.at < lifetime.at ? [policy, lifetime] : [lifetime, policy];
}

function policyDeadline(record: TimedFacts['record'], lastActivity: number, resuming: boolean): Deadline | undefined {
  const { idlePolicy, state, suspendedAt } = record;
  if (idlePolicy === undefined) return undefined;
  if (state === 'RUNNING') return { at: lastActivity + idlePolicy.maxIdleDurationSeconds * 1000, event: 'idle' };
  if (state !== 'SUSPENDED' || suspendedAt === undefined || resuming || record.resumeOnStart) return undefined;
  return { at: suspendedAt + idlePolicy.suspendedDurationSeconds * 1000, event: 'suspendedTooLong' };
}

export class Timers {
  readonly #cancels = new Map<string, () => void>();
  #closed = false;

  constructor(
    readonly clock: Clock,
    readonly fire: (id: string, event: TimedEvent) => void,
  ) {}

  /** To be called when a fact changed, except for activity: an idle timer that comes too early sets itself again. */
  arm(id: string, facts: () => TimedFacts): void {
    this.disarm(id);
    const next = nextDeadline(facts());
    if (this.#closed || next === undefined) return;
    const onTime = (): void => {
      this.#cancels.delete(id);
      const due = nextDeadline(facts());
      if (due !== undefined && due.at <= this.clock.steady()) this.fire(id, due.event);
      else this.arm(id, facts);
    };
    this.#cancels.set(id, this.clock.after(Math.max(0, next.at - this.clock.steady()), onTime));
  }

  disarm(id: string): void {
    this.#cancels.get(id)?.();
    this.#cancels.delete(id);
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#cancels.keys()]) this.disarm(id);
  }
}
