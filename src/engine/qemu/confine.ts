/** A VMM in a control group of its own, named as its VM. */
import type { Cgroups, Group, GroupLimits } from '../../cgroups/contracts.js';
import type { VmmProcess } from './process.js';

/** Right after its start: what it took until then is charged to the daemon's own group. */
export async function confine(cgroups: Cgroups, name: string, limits: GroupLimits, process: VmmProcess): Promise<VmmProcess> {
  const group = await cgroups.create(name, limits);
  await group.add(process.pid);
  return within(group, process);
}

/** One that an earlier daemon confined. */
export function confined(cgroups: Cgroups, name: string, process: VmmProcess): VmmProcess {
  return within(cgroups.find(name), process);
}

/** The group is gone by the time anybody learns of the exit. */
function within(group: Group, process: VmmProcess): VmmProcess {
  const exited = process.exited.then(async (exit) => {
    const outOfMemory = await group.hitByOomKiller();
    await group.remove();
    return { ...exit, outOfMemory };
  });
  return { ...process, exited };
}
