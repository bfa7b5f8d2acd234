/** VMMs that an earlier daemon left: those that may hold what is nowhere else, and those whose work begins anew. */
import type { Logger } from 'pino';
import { endVmm, findVmms, type Vmm } from '../engine/qemu/survivors.js';
import type { Store } from '../store/contracts.js';

/** The others are on disk (SUSPENDED, also while it was being resumed), or begin anew from a template (PENDING, builds). */
const ADOPTABLE_STATES = ['RUNNING', 'SUSPENDING', 'TERMINATING'] as const;

/** Ends the VMMs of no use; answers the others, by the id of their VM. */
export async function adoptable(runDir: string, store: Store, logger: Logger): Promise<ReadonlyMap<string, Vmm>> {
  const vmms = await findVmms(runDir);
  const wanted = new Set(store.microvmsInStates(ADOPTABLE_STATES).map(({ id }) => id));
  const strays = [...vmms].filter(([id]) => !wanted.has(id));
  if (strays.length > 0) logger.warn({ strays: strays.map(([id]) => id) }, 'ending VMMs that an earlier daemon left half-way');
  await Promise.all(strays.map(([, vmm]) => endVmm(vmm)));
  for (const [id] of strays) vmms.delete(id);
  return vmms;
}
