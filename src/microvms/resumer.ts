import type { Launchable } from '../images/contracts.js';
import { awaken, macOf } from './awaken.js';
import type { MicrovmDeps } from './deps.js';
import { HookFailedError } from './launcher.js';
import type { Machine } from './machine.js';
import { callRuntimeHook } from './runtime-hooks.js';

/**
 * From a suspension to a guest that takes traffic. When it fails, the guest's run is undone, memory and disk alike: the
 * MicroVM is as it was suspended, and may be resumed again. `lost` aborts when the guest ends meanwhile; `record`
 * makes the resume durable; an abort of `signal` leaves what there is to whoever aborted. Unknown: vm-resume-failed
 */
export async function resume(deps: MicrovmDeps, machine: Machine, image: Launchable, signal: AbortSignal, lost: AbortSignal, record: () => Promise<void>): Promise<void> {
  const { id } = machine.record;
  const ended = AbortSignal.any([signal, lost]);
  try {
    await machine.beginTrial();
    const link = await machine.acquireLink();
    await deps.observe?.('resume-linked', id);
    ended.throwIfAborted();
    // It wakes with the MAC it was suspended with.
    const [vm, expected] = await Promise.allSettled([deps.engine.resume({ id, template: image.template, link, dir: machine.dir }), link.expect(macOf(id))]);
    if (vm.status === 'rejected') throw vm.reason;
    machine.adopt(vm.value);
    if (expected.status === 'rejected') throw expected.reason;
    await deps.observe?.('resume-launched', id);
    ended.throwIfAborted();
    await awaken(deps, machine, ended);
    machine.follow();
    await deps.observe?.('resume-awake', id);
    const failure = await callRuntimeHook(deps, machine.agent, image.config, 'resume', ended);
    if (failure !== undefined) throw new HookFailedError(failure);
    await deps.observe?.('resume-hook-answered', id);
    // From here on there is no way back: not for a guest that has just died.
    await machine.check();
    ended.throwIfAborted();
    await record();
  } catch (error) {
    if (!signal.aborted) await machine.undo();
    throw error;
  }
}
