import { randomBytes } from 'node:crypto';
import { isCount } from './answer.js';
import { type DialAgent, type GuestAgent, GuestAgentError, type GuestStatus } from './contracts.js';
import { exec } from './exec.js';
import { follow } from './follow.js';
import { ask, open } from './handshake.js';
import { openSession } from './session.js';
import { waitUntilUp } from './wait-until-up.js';
import { wallClockNanos } from './wall-clock.js';

/** ms an operation may take, dial to answer. Generous: the guest's CPU may be emulated. */
const QUICK = 10_000;
const SLOW = 60_000; // mounts, or writes a disk's worth of cache
/** Added to the grace of a stop: SIGKILL and the last output. */
const STOP_MARGIN = 10_000;
/** Bytes the agent feeds to the kernel's random generator at each wake. */
const ENTROPY_BYTES = 64;

export interface GuestAgentOptions {
  /** ms for operations that should be quick; default 10,000. */
  readonly timeoutMs?: number;
}

export function createGuestAgent(dial: DialAgent, options: GuestAgentOptions = {}): GuestAgent {
  const timeoutMs = options.timeoutMs ?? QUICK;
  return {
    waitUntilUp: (signal) => waitUntilUp(dial, signal),
    async wake({ hostname, mac }) {
      const entropy = randomBytes(ENTROPY_BYTES).toString('base64');
      await ask(dial, { op: 'wake', members: () => ({ unixNanos: wallClockNanos().toString(), entropy, hostname, mac }) }, { timeoutMs });
    },
    async start(spec) {
      await ask(dial, { op: 'start', members: () => spec }, { timeoutMs: SLOW });
    },
    async dial(port, signal) {
      const { stream } = await open(dial, { op: 'dial', members: () => ({ port }) }, { timeoutMs, signal });
      return stream;
    },
    exec: (spec) => exec(dial, spec, SLOW),
    session: (spec, signal) => openSession(dial, spec, { timeoutMs: SLOW, signal }),
    follow: (afterSeq, events) => follow(dial, afterSeq, events, { timeoutMs }),
    async status() {
      return parseStatus(await ask(dial, { op: 'status' }, { timeoutMs }));
    },
    async stopApp(graceMs) {
      await ask(dial, { op: 'stop', members: () => ({ graceMs }) }, { timeoutMs: graceMs + STOP_MARGIN });
    },
    async unmountAll() {
      await ask(dial, { op: 'unmount' }, { timeoutMs: SLOW });
    },
  };
}

function parseStatus({ running, exitCode }: Readonly<Record<string, unknown>>): GuestStatus {
  if (typeof running !== 'boolean' || (exitCode !== undefined && !isCount(exitCode))) {
    throw new GuestAgentError("the guest agent's answer to status breaks the protocol: running must be a boolean, exitCode a number");
  }
  return exitCode === undefined ? { running } : { running, exitCode };
}
