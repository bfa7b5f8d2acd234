/** A VMM in a control group of its own, named as its VM. */
import type { Cgroups, Group, GroupLimits } from '../../cgroups/contracts.js';
import type { VmmProcess } from './process.js';

export interface Confined {
  readonly process: VmmProcess;
  /**
   * Resolves once it is in its group; what it took until then is charged to the daemon's. Moving takes the kernel about
   * 15 ms, in which the VMM can come up: wait for both, not for one after the other.
   */
  readonly moved: Promise<void>;
}

/** `cgroups` absent: not limited. `start` tells its caller of the VMM's launcher as soon as there is one: it belongs to the group too. */
export async function startConfined(
  cgroups: Cgroups | undefined, name: string, limits: GroupLimits, start: (spawned: (launcher: number) => void) => Promise<VmmProcess>,
): Promise<Confined> {
  if (cgroups === undefined) return { process: await start(() => undefined), moved: Promise.resolve() };
  const creating = cgroups.create(name, limits);
  let launcherMoved = Promise.resolve();
  let process: VmmProcess;
  try {
    process = await start((launcher) => {
      launcherMoved = creating.then((group) => group.add(launcher));
    });
  } catch (error) {
    const group = await creating;
    await launcherMoved;
    await group.remove();
    throw error;
  }
  const group = await creating;
  // The VMM may have been made before its launcher was moved.
  return { process: within(group, process), moved: Promise.all([launcherMoved, group.add(process.pid)]).then(() => undefined) };
}

/** The group is gone by the time anybody learns of the exit. */
export function within(group: Group, process: VmmProcess): VmmProcess {
  const exited = process.exited.then(async (exit) => {
    const outOfMemory = await group.hitByOomKiller();
    await group.remove();
    return { ...exit, outOfMemory };
  });
  return { ...process, exited };
}
