import { createHash } from 'node:crypto';
import { messageOf } from '../errors/index.js';
import { within } from './bounded.js';
import type { MicrovmDeps } from './deps.js';
import type { Machine } from './machine.js';

/** Milliseconds a restored guest has to answer: under software emulation with many starting at once, seconds. */
const WAKE_LIMIT_MS = 30_000;

/** Sets the guest's clock, entropy, hostname and MAC, and resets connections of the snapshot. The first try is expected to succeed; waiting is for the slow case. */
export function awaken(deps: MicrovmDeps, machine: Machine, signal: AbortSignal): Promise<void> {
  // On the live service all MicroVMs of an image have one hostname (spec §4.5), which is not published; a MicroVM's own
  // is more use to people, and lets no two believe they are the same host. Unknown: vm-hostname
  const spec = { hostname: machine.record.id, mac: macOf(machine.record.id) };
  return within(deps.clock, WAKE_LIMIT_MS, 'waking the guest', signal, async (limit) => {
    const { agent } = machine;
    try {
      await agent.wake(spec);
    } catch (error) {
      limit.throwIfAborted();
      deps.logger.debug({ microvm: machine.record.id, error: messageOf(error) }, 'the guest did not wake at once');
      await agent.waitUntilUp(limit);
      await agent.wake(spec);
    }
  });
}

/** A MicroVM's own for all its life: locally administered, of one card, from its id. */
export function macOf(id: string): string {
  const bytes = createHash('sha256').update(`mac ${id}`).digest().subarray(0, 5);
  return `02:${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}
