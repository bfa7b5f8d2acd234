import type { Launchable } from '../images/contracts.js';
import { awaken } from './awaken.js';
import type { MicrovmDeps } from './deps.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/** A hook did not answer 200. The message is the state reason. */
export class HookFailedError extends Error {
  override readonly name = 'HookFailedError';
}

/**
 * From a template to a guest that takes traffic. Whatever fails or is aborted, what was acquired stays with the
 * machine, which releases it.
 */
export async function launch(deps: MicrovmDeps, machine: Machine, image: Launchable, signal: AbortSignal): Promise<void> {
  const { id } = machine.record;
  await deps.observe?.('run-recorded', id);
  signal.throwIfAborted();
  const start = async (): Promise<void> => {
    const [link, dir] = await Promise.allSettled([machine.acquireLink(), machine.makeDir()]);
    if (link.status === 'rejected') throw link.reason;
    if (dir.status === 'rejected') throw dir.reason;
    await deps.observe?.('run-linked', id);
    signal.throwIfAborted();
    machine.adopt(await deps.engine.launch({ id, template: image.template, link: link.value, dir: machine.dir }));
    await deps.observe?.('run-launched', id);
    signal.throwIfAborted();
    await awaken(deps, machine, signal);
  };
  await (deps.launching?.run(signal, start) ?? start());
  machine.follow();
  await deps.observe?.('run-awake', id);
  const failure = await callRuntimeHook(deps, machine.agent, image.config, 'run', signal, runBody(id, deps.store.runHookPayload(id)));
  if (failure !== undefined) throw new HookFailedError(failure);
  await deps.observe?.('run-hook-answered', id);
}

/** The payload is a string member, whatever it holds; without one the member is absent (spec §13.10). Unknown: vm-run-body */
function runBody(microvmId: string, runHookPayload: string | undefined): string {
  return JSON.stringify({ microvmId, runHookPayload });
}
