/**
 * The life of a MicroVM, as data (spec §4.1). Every state × event has a cell; a test walks them all.
 *
 * ```
 *              launched              suspendRequested            suspended
 *   PENDING ───────────────▶ RUNNING ────────────────▶ SUSPENDING ─────────▶ SUSPENDED ◀─┐ resumeRequested (accepted),
 *      │                      ▲  │  ◀──────────────────   │                   │  │  └─────┘ resumeFailed
 *      │                      │  │  suspendFailed,        │                   │  │
 *      │                      │  │  suspendCancelled      │                   │  │
 *      │                      └──┼─────────────────────────┼───── resumed ─────┘  │
 *      │ launchFailed            │ appExited               │ hookFailed           │ suspendedTooLong
 *      │ hookFailed              │ vmmExited               │ appExited            │
 *      │ …                       │ agentLost …             │ …                    │
 *      └────────────┬────────────┴─────────────┬───────────┴──────────────────────┘
 *                   ▼  from each of them: terminateRequested, lifetimeOver
 *               TERMINATING ── stopped ──▶ TERMINATED
 * ```
 *
 * A terminate overtakes: it enters TERMINATING at once and aborts the step under way, whose own event then comes late
 * and changes nothing. daemonStarted comes to whatever an earlier daemon left, and keeps the state: its effect goes on
 * with the step, or begins it anew.
 */
import type { MicrovmState } from '../store/contracts.js';

export const STATES = ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING', 'TERMINATED'] as const satisfies readonly MicrovmState[];

export const EVENTS = [
  'launched', // the guest runs and /run answered 200
  'launchFailed',
  'suspendRequested', // by a caller, by the idle policy, or by the daemon's shutdown
  'suspended', // memory and disk are on stable storage
  'suspendFailed', // the engine could not; the guest runs on
  'suspendCancelled', // traffic came while /suspend ran; the guest runs on
  'resumeRequested', // by a caller, by traffic, or by the daemon's start
  'resumed', // the guest runs and /resume answered 200
  'resumeFailed', // the suspension is as good as before
  'hookFailed', // /run or /suspend
  'terminateRequested',
  'appExited', // the main process of the container
  'vmmExited', // nobody asked it to
  'agentLost', // the guest's agent does not answer any more
  'lifetimeOver',
  'suspendedTooLong',
  'daemonStarted', // an earlier daemon left it in this state
  'stopped', // all resources are released
] as const;
export type LifecycleEvent = (typeof EVENTS)[number];

/**
 * - admit: traffic may come; the idle clock starts.
 * - release: abort the step under way, then call /terminate if it applies, stop the VMM, release link and folder.
 * - forget: nothing of it is left but its record.
 * - launch: begin the launch anew, from the template.
 * - adopt: take over the VM that runs; vmmExited if there is none.
 * - suspend: take over the VM and begin the suspend anew; suspended if all is on disk, vmmExited if neither.
 */
export type Effect = 'admit' | 'release' | 'forget' | 'launch' | 'adopt' | 'suspend';

export type Cell =
  /** Enters another state. */
  | { readonly kind: 'go'; readonly to: MicrovmState; readonly effect?: Effect }
  /** A request that is allowed; the state changes when its work is done. */
  | { readonly kind: 'accept' }
  /** Nothing to do: it is so already, or something else has overtaken it. */
  | { readonly kind: 'stay' }
  /** A request that the state does not allow. */
  | { readonly kind: 'refuse' }
  /** Cannot happen; if it does, the program is wrong. */
  | { readonly kind: 'never' };

const go = (to: MicrovmState, effect?: Effect): Cell => (effect === undefined ? { kind: 'go', to } : { kind: 'go', to, effect });
const end = go('TERMINATING', 'release');
const accept: Cell = { kind: 'accept' };
const stay: Cell = { kind: 'stay' };
const refuse: Cell = { kind: 'refuse' };
const never: Cell = { kind: 'never' };

type Row = Readonly<Record<LifecycleEvent, Cell>>;

/** What a step that was overtaken by a terminate still reports. */
const late = {
  launched: stay, launchFailed: stay, suspended: stay, suspendFailed: stay, suspendCancelled: stay, resumed: stay, resumeFailed: stay,
  hookFailed: stay, appExited: stay, vmmExited: stay, agentLost: stay, lifetimeOver: stay, suspendedTooLong: stay, terminateRequested: stay,
} as const;

export const lifecycle: Readonly<Record<MicrovmState, Row>> = {
  PENDING: {
    launched: go('RUNNING', 'admit'), launchFailed: end, hookFailed: end,
    suspendRequested: refuse, suspended: never, suspendFailed: never, suspendCancelled: never,
    resumeRequested: refuse, resumed: never, resumeFailed: never,
    terminateRequested: end, appExited: end, vmmExited: end, agentLost: end, lifetimeOver: end, suspendedTooLong: never,
    daemonStarted: go('PENDING', 'launch'), stopped: never,
  },
  RUNNING: {
    launched: never, launchFailed: never, hookFailed: never,
    suspendRequested: go('SUSPENDING'), suspended: never, suspendFailed: never, suspendCancelled: never,
    resumeRequested: stay, resumed: never, resumeFailed: never,
    terminateRequested: end, appExited: end, vmmExited: end, agentLost: end, lifetimeOver: end, suspendedTooLong: never,
    daemonStarted: go('RUNNING', 'adopt'), stopped: never,
  },
  SUSPENDING: {
    launched: never, launchFailed: never, hookFailed: end,
    suspendRequested: stay, suspended: go('SUSPENDED'), suspendFailed: go('RUNNING', 'admit'), suspendCancelled: go('RUNNING', 'admit'),
    resumeRequested: accept, resumed: never, resumeFailed: never,
    terminateRequested: end, appExited: end, vmmExited: end, agentLost: end, lifetimeOver: end, suspendedTooLong: never,
    daemonStarted: go('SUSPENDING', 'suspend'), stopped: never,
  },
  SUSPENDED: {
    launched: never, launchFailed: never, hookFailed: never,
    suspendRequested: stay, suspended: never, suspendFailed: never, suspendCancelled: never,
    // What happens to a guest that is being resumed fails the resume, which is undone: the suspension is as it was.
    resumeRequested: accept, resumed: go('RUNNING', 'admit'), resumeFailed: go('SUSPENDED'),
    terminateRequested: end, appExited: stay, vmmExited: stay, agentLost: stay, lifetimeOver: end, suspendedTooLong: end,
    daemonStarted: stay, stopped: never,
  },
  TERMINATING: {
    ...late, suspendRequested: refuse, resumeRequested: refuse, daemonStarted: go('TERMINATING', 'release'), stopped: go('TERMINATED', 'forget'),
  },
  TERMINATED: {
    ...late, suspendRequested: refuse, resumeRequested: refuse, daemonStarted: never, stopped: never,
  },
};
