import { messageOf } from '../errors/index.js';
import type { ImageConfig } from '../store/contracts.js';
import { unlessAborted } from './bounded.js';
import type { MicrovmDeps } from './deps.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/** Between the image's stop signal and SIGKILL. AWS's figure, if it sends a signal at all, is not known. Unknown: vm-stop-signal */
const STOP_GRACE_MS = 2_000;

/**
 * Lets go of all a MicroVM holds. `config` given: it was running, so /terminate is called first if the application
 * lives, then the application gets its stop signal; what the hook answers changes nothing (Unknown: vm-terminate-hook). Never rejects.
 */
export async function terminate(deps: MicrovmDeps, machine: Machine, config: ImageConfig | undefined): Promise<void> {
  if (config !== undefined && machine.appAlive) {
    const { agent, ended } = machine;
    try {
      const failure = await callRuntimeHook(deps, agent, config, 'terminate', ended);
      if (failure !== undefined) deps.logger.info({ microvm: machine.record.id, failure }, 'terminating in spite of the hook');
      await deps.observe?.('terminate-hook-answered', machine.record.id);
      await unlessAborted(agent.stopApp(STOP_GRACE_MS), ended);
    } catch (error) {
      deps.logger.warn({ microvm: machine.record.id, error: messageOf(error) }, 'could not end the application cleanly');
    }
  }
  await machine.release();
  await deps.observe?.('terminate-released', machine.record.id);
  await machine.removeDir();
  await deps.observe?.('terminate-folder-removed', machine.record.id);
}
