import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENTS, lifecycle, STATES, type Cell } from '../../../src/microvms/lifecycle.js';

/** Every transition there is, written a second time from spec §4.1; whatever is not here must not change the state. */
const TRANSITIONS: Readonly<Record<string, string>> = {
  'PENDING launched': 'RUNNING admit',
  'RUNNING suspendRequested': 'SUSPENDING',
  'SUSPENDING suspended': 'SUSPENDED',
  'SUSPENDING suspendFailed': 'RUNNING admit',
  'SUSPENDING suspendCancelled': 'RUNNING admit',
  'SUSPENDED resumed': 'RUNNING admit',
  'SUSPENDED resumeFailed': 'SUSPENDED',
  'PENDING daemonStarted': 'PENDING launch',
  'RUNNING daemonStarted': 'RUNNING adopt',
  'SUSPENDING daemonStarted': 'SUSPENDING suspend',
  'TERMINATING daemonStarted': 'TERMINATING release',
  'TERMINATING stopped': 'TERMINATED forget',
  ...Object.fromEntries(
    [
      'PENDING launchFailed', 'PENDING hookFailed', 'SUSPENDING hookFailed', 'SUSPENDED suspendedTooLong',
      ...['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED'].flatMap((state) =>
        ['terminateRequested', 'lifetimeOver'].map((event) => `${state} ${event}`)),
      ...['PENDING', 'RUNNING', 'SUSPENDING'].flatMap((state) => ['appExited', 'vmmExited', 'agentLost'].map((event) => `${state} ${event}`)),
    ].map((key) => [key, 'TERMINATING release']),
  ),
};

const REQUESTS: Readonly<Record<string, string>> = {
  'PENDING suspendRequested': 'refuse', 'PENDING resumeRequested': 'refuse',
  'RUNNING resumeRequested': 'stay',
  'SUSPENDING suspendRequested': 'stay', 'SUSPENDING resumeRequested': 'accept',
  'SUSPENDED suspendRequested': 'stay', 'SUSPENDED resumeRequested': 'accept',
  'TERMINATING suspendRequested': 'refuse', 'TERMINATING resumeRequested': 'refuse', 'TERMINATING terminateRequested': 'stay',
  'TERMINATED suspendRequested': 'refuse', 'TERMINATED resumeRequested': 'refuse', 'TERMINATED terminateRequested': 'stay',
};

const text = (cell: Cell): string => (cell.kind === 'go' ? [cell.to, cell.effect].filter(Boolean).join(' ') : cell.kind);

describe('lifecycle table', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const key = `${state} ${event}`;
      it(key, () => {
        const cell = lifecycle[state][event];
        const expected = TRANSITIONS[key] ?? REQUESTS[key];
        if (expected !== undefined) assert.equal(text(cell), expected);
        else assert.ok(cell.kind === 'stay' || cell.kind === 'never', text(cell));
      });
    }
  }

  it('takes each event of a step that a terminate overtook', () => {
    for (const event of ['launched', 'launchFailed', 'hookFailed', 'suspended', 'suspendFailed', 'resumed', 'resumeFailed', 'suspendCancelled'] as const) {
      assert.equal(lifecycle.TERMINATING[event].kind, 'stay', event);
    }
  });

  it('leads to TERMINATED from everywhere and nowhere from there', () => {
    for (const state of STATES.slice(0, 4)) assert.equal(text(lifecycle[state].terminateRequested), 'TERMINATING release');
    for (const event of EVENTS) assert.notEqual(lifecycle.TERMINATED[event].kind, 'go', event);
  });
});
