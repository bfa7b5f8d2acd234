import { sleep } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { GuestAgent } from '../guest/contracts.js';
import type { MicrovmDeps } from './deps.js';

/** ms an agent may be silent. A guest that its own processes starve under software emulation answers within seconds. */
const SILENCE_LIMIT_MS = 60_000;
/** A guest that waits for room on the host's disk reports it again within this, in ms, and cannot answer meanwhile. */
const STALL_MS = 10_000;

/**
 * Does the agent still answer? Asked when traffic could not reach it, not regularly: a question would wake an idle
 * guest. `stalledAt`: steady ms of the last report that the guest waits for disk space. An abort of `signal`
 * answers yes: nobody minds any more.
 */
export async function checkAgent(deps: Pick<MicrovmDeps, 'clock' | 'logger'>, agent: GuestAgent, stalledAt: () => number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const limit = new AbortController();
    const cancel = new AbortController();
    const answered = agent.waitUntilUp(AbortSignal.any([limit.signal, signal])).then(
      () => true,
      (error: unknown) => {
        deps.logger.debug({ error: messageOf(error) }, 'the agent of a MicroVM does not answer');
        return signal.aborted;
      },
    );
    const silence = sleep(deps.clock, SILENCE_LIMIT_MS, cancel.signal).then(
      () => limit.abort(new Error('the agent was silent')),
      () => undefined, // it answered
    );
    const alive = await answered;
    cancel.abort(new Error('answered'));
    await silence;
    if (alive || deps.clock.steady() - stalledAt() > STALL_MS) return alive;
  }
}
