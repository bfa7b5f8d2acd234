import { setTimeout as delay } from 'node:timers/promises';
import type { DialAgent } from './contracts.js';
import { ask } from './handshake.js';

/** ms between attempts: first, and at most. */
const FIRST_DELAY = 5;
const LAST_DELAY = 50;
/**
 * ms one attempt may take: first, and at most. A packet sent before the guest has a network is lost without
 * an answer, and the kernel would repeat it only after a second; a slow guest still gets its time later.
 */
const FIRST_ATTEMPT = 100;
const LAST_ATTEMPT = 2000;

/** Asks until the agent answers. Rejects with the signal's reason once it aborts, and only then. */
export async function waitUntilUp(dial: DialAgent, signal: AbortSignal): Promise<void> {
  let pause = FIRST_DELAY;
  let timeoutMs = FIRST_ATTEMPT;
  for (;;) {
    const answered = await ask(dial, { op: 'ping' }, { timeoutMs, signal }).then(
      () => true,
      () => false, // not up yet; an abort shows on the next line
    );
    signal.throwIfAborted();
    if (answered) return;
    await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    pause = Math.min(pause * 1.5, LAST_DELAY);
    timeoutMs = Math.min(timeoutMs * 1.5, LAST_ATTEMPT);
  }
}
