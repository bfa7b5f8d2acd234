import { SuspensionSpentError } from '../engine/contracts.js';
import { messageOf } from '../errors/index.js';
import type { Launchable } from '../images/contracts.js';
import { awaken } from './awaken.js';
import type { MicrovmDeps } from './deps.js';
import { HookFailedError } from './launcher.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/** The guest ran, so its disk went on from where its suspended memory is; and it could not be suspended anew. */
export class ResumeLostError extends Error {
  override readonly name = 'ResumeLostError';
}

/**
 * From a suspension to a guest that takes traffic. When it fails before the guest ran, the suspension is untouched.
 * When it fails after, the guest is suspended anew, without /suspend: going back to the older memory would not fit
 * the disk. Either way the MicroVM is suspended and may be resumed again, unless it rejects with ResumeLostError.
 * Unknown: vm-resume-failed
 */
export async function resume(
  deps: MicrovmDeps,
  machine: Machine,
  image: Launchable,
  suspendedAt: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { id } = machine.record;
  try {
    const link = await machine.acquireLink();
    signal.throwIfAborted();
    machine.adopt(await deps.engine.resume({ id, template: image.template, link, dir: machine.dir }));
  } catch (error) {
    await machine.releaseLink();
    if (error instanceof SuspensionSpentError) throw new ResumeLostError(error.message, { cause: error });
    throw error;
  }
  try {
    signal.throwIfAborted();
    await awaken(deps, machine, signal);
    machine.follow(suspendedAt ?? 0);
    const failure = await callRuntimeHook(deps, machine.agent, image.config, 'resume', signal);
    if (failure !== undefined) throw new HookFailedError(failure);
  } catch (error) {
    if (!signal.aborted) await suspendAnew(machine, error);
    throw error;
  }
}

async function suspendAnew(machine: Machine, cause: unknown): Promise<void> {
  try {
    await machine.checkpoint();
  } catch (error) {
    throw new ResumeLostError(`${messageOf(cause)}; and it could not be suspended again: ${messageOf(error)}`);
  }
  await machine.releaseLink();
}
