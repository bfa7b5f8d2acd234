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

/** `cgroups` absent: not limited. */
export async function startConfined(cgroups: Cgroups | undefined, name: string, limits: GroupLimits, start: () => Promise<VmmProcess>): Promise<Confined> {
  if (cgroups === undefined) return { process: await start(), moved: Promise.resolve() };
  const creating = cgroups.create(name, limits);
  let process: VmmProcess;
  try {
    process = await start();
  } catch (error) {
    await (await creating).remove();
    throw error;
  }
  const group = await creating;
  return { process: within(group, process), moved: group.add(process.pid) };
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
