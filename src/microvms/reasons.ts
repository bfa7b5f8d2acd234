/** `stateReason` texts. Those of spec §4.1 are recorded ones; the others are ours (docs/unknowns.md). */
import type { HookName, HookOutcome } from '../hooks/contracts.js';

export const reasons = {
  terminated: 'Success.',
  lifetimeOver: 'MicroVM exceeded maximum lifetime.',
  appExited: (code: number): string => `Container Stopped with Exit Code: ${code}`,
  // Ours. Unknown: vm-reasons
  suspendedTooLong: 'MicroVM exceeded maximum suspended duration.',
  launchFailed: 'The MicroVM could not be launched.',
  suspendFailed: 'The MicroVM could not be suspended and runs on.',
  resumeFailed: 'The MicroVM could not be resumed and is suspended as before.',
  vmmExited: 'The virtual machine of the MicroVM ended unexpectedly.',
  outOfMemory: 'The virtual machine of the MicroVM was ended because memory ran out.',
  guestEnded: 'The kernel of the MicroVM stopped.',
  lostWhileDown: 'The virtual machine of the MicroVM ended while the service was down.',
  agentLost: 'The MicroVM stopped answering.',
  notSuspendedAtShutdown: 'The service stopped and the MicroVM could not be suspended.',
  // What a step failed by, appended to the above.
  diskFull: 'The disk of the host is full.',
  unwritable: 'The data folder of the service cannot be written.',
  snapshotDamaged: 'The snapshot is damaged.',
  snapshotMismatch: 'The snapshot was made by another version of the virtual machine monitor or on another machine: build a new version of the image.',
} as const;

const ADVICE = 'Please check your hook endpoint and application logs for more details.';

/**
 * Text for a hook that did not answer 200. The live service's text for a timeout is unknown: ours follows the one it
 * has for build hooks, with the ISO-8601 duration of the configured timeout.
 */
export function hookFailure(hook: HookName, outcome: Exclude<HookOutcome, { kind: 'ok' }>, timeoutSeconds: number): string {
  const name = hook.charAt(0).toUpperCase() + hook.slice(1);
  switch (outcome.kind) {
    case 'status':
      return `${name} lifecycle hook returned HTTP status ${outcome.status}. ${ADVICE}`;
    case 'timeout':
      return `${name} lifecycle hook invocation timed out after PT${timeoutSeconds}S. ${ADVICE}`;
    case 'broken':
      return `${name} lifecycle hook gave no HTTP answer. ${ADVICE}`;
  }
}
