/** What will become of a MicroVM if nobody does anything: for people who wonder when it suspends or ends, and why. */
import type { Clock } from '../clock/index.js';
import type { MicrovmState } from '../store/contracts.js';
import type { Outlook } from './contracts.js';
import { deadlines, type Deadline, type TimedFacts } from './timers.js';

export function outlookOf(facts: TimedFacts, clock: Clock): Outlook {
  // From the steady timeline, which limits are kept on, to the wall clock, which people read.
  const skew = clock.now() - clock.steady();
  return {
    lastActivityAt: facts.record.state === 'RUNNING' ? facts.lastActivity + skew : undefined,
    transitions: deadlines(facts).map((deadline) => ({ to: target(deadline, facts), at: deadline.at + skew, because: because(deadline, facts) })),
  };
}

function target({ event }: Deadline, { record }: TimedFacts): MicrovmState {
  // Suspended for 0 s is terminated at the suspend.
  return event === 'idle' && record.idlePolicy?.suspendedDurationSeconds !== 0 ? 'SUSPENDED' : 'TERMINATED';
}

function because({ event }: Deadline, { record }: TimedFacts): string {
  const { idlePolicy } = record;
  switch (event) {
    case 'lifetimeOver':
      return `maximumDurationInSeconds is ${record.maximumDurationInSeconds}, counted from its start, suspended time included`;
    case 'idle':
      return `maxIdleDurationSeconds is ${idlePolicy?.maxIdleDurationSeconds ?? ''}, counted from the last byte through the endpoint`;
    case 'suspendedTooLong':
      return `suspendedDurationSeconds is ${idlePolicy?.suspendedDurationSeconds ?? ''}, counted from its suspend${idlePolicy?.autoResumeEnabled === true ? '; a request resumes it before' : ''}`;
  }
}
