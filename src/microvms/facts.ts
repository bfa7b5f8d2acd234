/** What a change of state writes into the record besides the state. */
import type { Clock } from '../clock/index.js';
import type { MicrovmRecord, MicrovmState } from '../store/contracts.js';
import type { LifecycleEvent } from './lifecycle.js';

export interface Entering {
  readonly event: LifecycleEvent;
  readonly to: MicrovmState;
  readonly reason: string | undefined;
  readonly resumeOnStart: boolean;
}

/** A living MicroVM has a stateReason only while its last step failed; a member that is undefined is cleared. */
export function factsOf({ event, to, reason, resumeOnStart }: Entering, clock: Clock): Partial<MicrovmRecord> {
  if (event === 'daemonStarted') return {};
  switch (to) {
    case 'RUNNING':
      return { suspendedAt: undefined, resumeOnStart: false, stateReason: reason, lastActivity: clock.steady() };
    case 'SUSPENDED':
      return event === 'resumeFailed' ? { stateReason: reason } : { suspendedAt: clock.steady(), resumeOnStart, stateReason: undefined };
    case 'TERMINATING':
      return reason === undefined ? {} : { stateReason: reason };
    case 'TERMINATED':
      return { terminatedAt: clock.now() };
    case 'PENDING':
    case 'SUSPENDING':
      return {};
  }
}
