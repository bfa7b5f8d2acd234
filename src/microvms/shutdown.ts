import { sleep } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { Actor } from './actor.js';
import type { MicrovmDeps } from './deps.js';
import { reasons } from './reasons.js';

/** Milliseconds a launch or another step under way has to finish. */
const GRACE_MS = 5_000;

/** Suspends what runs, to be resumed at the next start, and ends what cannot be. Afterwards the MicroVM has no VM. */
export async function putToRest(deps: MicrovmDeps, actor: Actor): Promise<void> {
  actor.seal();
  if (actor.state === 'PENDING') {
    await stepsEnd(deps, actor);
    if ((actor.state as string) === 'PENDING') actor.end('terminateRequested', reasons.notSuspendedAtShutdown);
  }
  await actor.idle();
  if (actor.state === 'RUNNING') {
    await actor.suspend({ resumeOnStart: true }).catch((error: unknown) => {
      deps.logger.warn({ microvm: actor.record.id, error: messageOf(error) }, 'a MicroVM was not suspended at shutdown');
    });
    await actor.idle();
  }
  if (actor.state === 'RUNNING') actor.end('terminateRequested', reasons.notSuspendedAtShutdown);
  await actor.idle();
  await actor.detach();
}

/** A step that takes longer than the grace is left half-done: the next daemon goes on with it. */
export async function leaveRunning(deps: MicrovmDeps, actor: Actor): Promise<void> {
  actor.seal();
  await stepsEnd(deps, actor);
  await actor.detach();
}

async function stepsEnd(deps: MicrovmDeps, actor: Actor): Promise<void> {
  const grace = new AbortController();
  await Promise.race([actor.idle(), sleep(deps.clock, GRACE_MS, grace.signal).catch(() => undefined)]); // cancelled below
  grace.abort();
}
