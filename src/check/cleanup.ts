/**
 * Crash, time-out and abandonment: each ends in the documented state with its reason, in time, and leaves nothing. All
 * begin at once, as most of them wait for a time limit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, NotPossible } from './attempt.js';
import type { Fleet } from './client/fleet.js';
import type { Finding, Section } from './types.js';
import { notChecked, section } from './findings.js';
import type { Case } from './cleanup-cases/case.js';
import { crashes } from './cleanup-cases/crash.js';
import { departures } from './cleanup-cases/departure.js';
import { limits } from './cleanup-cases/limits.js';
import { heldFor, type HostFacts, namespacesLeft } from './host.js';
import type { PlaceProbe } from './probe.js';

export interface CleanupOptions {
  readonly place: PlaceProbe;
  readonly host: HostFacts;
}

/** Processes and namespaces go a moment after the record says TERMINATED. */
const GONE_MS = 15_000;
const LOOK_EVERY_MS = 100;

export async function checkCleanup(fleet: Fleet, { place, host }: CleanupOptions, say: (text: string) => void): Promise<Section<'cleanup', undefined>> {
  say('cleanup: MicroVMs that crash, time out and are left alone');
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
  const cases = [...crashes(fleet, place), ...limits(fleet), ...departures(fleet)];
  const findings = await Promise.all(cases.map((one) => ended(fleet, one, made)));
  return section<'cleanup', undefined>('cleanup', 'Cleanup after crash, time-out and abandonment', [
    ...findings,
    await noneLives(fleet, ids),
    ...(await nothingHeld(fleet, host, ids, [...namespaces], processes)),
  ]);
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

async function nothingHeld(fleet: Fleet, host: HostFacts, ids: readonly string[], namespaces: readonly string[], seenBefore: number): Promise<Finding[]> {
  const name = 'nothing of them is left on the host';
  const expected = 'no process, network namespace or control group';
  if (host.hidden !== undefined) return [notChecked(name, expected, host.hidden)];
  return [await attempt(name, expected, fleet.signal, async () => {
    // What was not seen while they ran would not be seen now.
    if (seenBefore === 0) throw new NotPossible('their processes cannot be seen from here while they run: the service is in a container or namespace of its own');
    for (const end = Date.now() + GONE_MS; ; await sleep(LOOK_EVERY_MS)) {
      const held = await Promise.all(ids.map(heldFor));
      const left = [...held.flatMap((one) => one.processes.map((pid) => `process ${pid}`)), ...held.flatMap(({ cgroups }) => cgroups), ...(await namespacesLeft(namespaces))];
      if (left.length === 0) return { seen: `none, of ${seenBefore} processes and ${namespaces.length} namespaces that were seen before`, held: true };
      if (Date.now() > end) return { seen: left.join(', '), held: false };
    }
  })];
}

