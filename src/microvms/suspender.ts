import type { Launchable } from '../images/contracts.js';
import type { MicrovmDeps } from './deps.js';
import { HookFailedError } from './launcher.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/**
 * /suspend, then memory and disk to stable storage. The link is still held when this resolves. `wanted`: does traffic
 * wait for the guest? Then, once /suspend has answered, /resume is called and the guest runs on; if /resume fails it
 * is suspended all the same.
 */
export async function suspend(
  deps: MicrovmDeps,
  machine: Machine,
  image: Launchable,
  wanted: () => boolean,
  signal: AbortSignal,
): Promise<'suspended' | 'cancelled'> {
  const failure = await callRuntimeHook(deps, machine.agent, image.config, 'suspend', signal);
  if (failure !== undefined) throw new HookFailedError(failure);
  await deps.observe?.('suspend-hook-answered', machine.record.id);
  signal.throwIfAborted();
  if (wanted() && (await callRuntimeHook(deps, machine.agent, image.config, 'resume', signal)) === undefined) return 'cancelled';
  await machine.checkpoint();
  return 'suspended';
}
