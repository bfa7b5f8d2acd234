import type { Launchable } from '../images/contracts.js';
import type { MicrovmDeps } from './deps.js';
import { HookFailedError } from './launcher.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/** /suspend, then memory and disk to stable storage. The link is still held when this resolves. */
export async function suspend(deps: MicrovmDeps, machine: Machine, image: Launchable, signal: AbortSignal): Promise<void> {
  const failure = await callRuntimeHook(deps, machine.agent, image.config, 'suspend', signal);
  if (failure !== undefined) throw new HookFailedError(failure);
  signal.throwIfAborted();
  await machine.checkpoint();
}
