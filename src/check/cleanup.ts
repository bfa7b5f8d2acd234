/**
 * Crash, time-out and abandonment: each ends in the documented state with its reason, in time, and leaves nothing. What
 * waits longest begins first; the others begin at once, as most of them wait for a time limit too.
 */
import { attempt, NotPossible } from './attempt.js';
import { type Beginning, waiting } from './beginning.js';
import type { Fleet } from './client/fleet.js';
import type { Finding, Section } from './types.js';
import { notChecked, section } from './findings.js';
import type { Case } from './cleanup-cases/case.js';
import { crashes } from './cleanup-cases/crash.js';
import { departures } from './cleanup-cases/departure.js';
import { limits } from './cleanup-cases/limits.js';
import { heldFor, type HostFacts, surplusNamespaces } from './host.js';
import type { PlaceProbe } from './probe.js';

export interface CleanupOptions {
  readonly place: PlaceProbe;
  readonly host: HostFacts;
  /** Network namespaces without a process, before the check. */
  readonly ready: readonly string[];
}

/** Processes and namespaces go a moment after the record says TERMINATED. */
const GONE_MS = 15_000;
const LOOK_EVERY_MS = 100;

export function beginCleanup(fleet: Fleet, { place, host, ready }: CleanupOptions, say: (text: string) => void): Beginning<Section<'cleanup', undefined>> {
  say('cleanup: MicroVMs that are left alone');
  const ids: string[] = [];
  const namespaces = new Set<string>();
  let processes = 0;
  const made = async (id: string): Promise<void> => {
    ids.push(id);
    if (host.hidden !== undefined) return;
    const held = await heldFor(id);
    processes += held.processes.length;
    for (const name of held.namespaces) namespaces.add(name);
  };
  const departed = departures(fleet).map((one) => waiting((begun) => ended(fleet, one, (id) => made(id).then(begun))));
  const finish = async (): Promise<Section<'cleanup', undefined>> => {
    say('cleanup: MicroVMs that crash and time out');
    const others = await Promise.all([...crashes(fleet, place), ...limits(fleet)].map((one) => ended(fleet, one, made)));
    const left = await Promise.all(departed.map(({ over }) => over));
    return section<'cleanup', undefined>('cleanup', 'Cleanup after crash, time-out and abandonment', [
      ...others,
      ...left,
      await noneLives(fleet, ids),
      ...(await nothingHeld(fleet, host, { ids, namespaces: [...namespaces], processes, ready })),
    ]);
  };
  return { begun: Promise.all(departed.map(({ begun }) => begun)), finish };
}

function ended(fleet: Fleet, { name, expected, reason, run }: Case, made: (id: string) => Promise<void>): Promise<Finding> {
  return attempt(name, expected, fleet.signal, async () => {
    const { vm, also } = await run(made);
    const seen = [`TERMINATED, "${vm.stateReason ?? ''}"`, ...(also === undefined ? [] : [also.seen])].join('; ');
    return { seen, held: vm.state === 'TERMINATED' && reason.test(vm.stateReason ?? '') && (also?.held ?? true) };
  });
}

function noneLives(fleet: Fleet, ids: readonly string[]): Promise<Finding> {
  return attempt('none of them lives, by the API', 'all TERMINATED', fleet.signal, async () => {
    const states = await fleet.api.states(fleet.target.image.arn);
    const live = ids.filter((id) => (states.get(id) ?? 'TERMINATED') !== 'TERMINATED');
    return { seen: live.length === 0 ? `${ids.length} TERMINATED` : live.map((id) => `${id} ${states.get(id) ?? ''}`).join(', '), held: live.length === 0 };
  });
}

interface Before {
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  readonly processes: number;
  readonly ready: readonly string[];
}

async function nothingHeld(fleet: Fleet, host: HostFacts, { ids, namespaces, processes, ready }: Before): Promise<Finding[]> {
  const name = 'nothing of them is left on the host';
  const expected = 'no process, control group or network namespace';
  if (host.hidden !== undefined) return [notChecked(name, expected, host.hidden)];
  return [await attempt(name, expected, fleet.signal, async () => {
    // What was not seen while they ran would not be seen now.
    if (processes === 0) throw new NotPossible('their processes cannot be seen from here while they run: the service is in a container or namespace of its own');
    for (const end = Date.now() + GONE_MS; ; await fleet.pause(LOOK_EVERY_MS)) {
      const held = await Promise.all(ids.map(heldFor));
      const surplus = await surplusNamespaces(namespaces, ready);
      const left = [
        ...held.flatMap((one) => one.processes.map((pid) => `process ${pid}`)), ...held.flatMap(({ cgroups }) => cgroups),
        ...(surplus === 0 ? [] : [`${surplus} network namespaces more without a process than before`]),
      ];
      if (left.length === 0) return { seen: `nothing of ${processes} processes and ${namespaces.length} namespaces that were seen while they ran`, held: true };
      if (Date.now() > end) return { seen: left.join(', '), held: false };
    }
  })];
}
