/** Time limits that a MicroVM was run with. */
import { firstAnswer } from '../answer.js';
import { after, type Case } from './case.js';
import type { Seen } from '../attempt.js';
import type { Microvm } from '../client/api.js';
import type { Fleet } from '../client/fleet.js';

/** Seconds; long enough for a launch on a busy host. */
const LIFETIME_S = 20;
const SUSPENDED_S = 3;

export function limits(fleet: Fleet): Case[] {
  const lifetime = { expected: `TERMINATED, "MicroVM exceeded maximum lifetime." after ${LIFETIME_S} s`, reason: /^MicroVM exceeded maximum lifetime\.$/ };
  return [
    {
      ...lifetime,
      name: `maximumDurationInSeconds ${LIFETIME_S}, running`,
      run: async (made) => {
        const vm = await fleet.launch({ maximumDurationInSeconds: LIFETIME_S });
        await firstAnswer(fleet, vm);
        await made(vm.id);
        return lifetimeOf(await fleet.reaches(vm.id, 'TERMINATED'));
      },
    },
    {
      ...lifetime,
      name: `maximumDurationInSeconds ${LIFETIME_S}, suspended`,
      run: async (made) => {
        const vm = await fleet.launch({ maximumDurationInSeconds: LIFETIME_S });
        await firstAnswer(fleet, vm);
        await made(vm.id);
        await fleet.suspend(vm);
        return lifetimeOf(await fleet.reaches(vm.id, 'TERMINATED'));
      },
    },
    {
      name: `suspendedDurationSeconds ${SUSPENDED_S}`,
      expected: `TERMINATED, "MicroVM exceeded maximum suspended duration." after ${SUSPENDED_S} s`,
      reason: /^MicroVM exceeded maximum suspended duration\.$/,
      run: async (made) => {
        const vm = await fleet.launch({ idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: SUSPENDED_S, autoResumeEnabled: true } });
        await firstAnswer(fleet, vm);
        await made(vm.id);
        await fleet.suspend(vm);
        const suspendedAt = performance.now();
        const over = await fleet.reaches(vm.id, 'TERMINATED');
        return { vm: over, also: after((performance.now() - suspendedAt) / 1000, SUSPENDED_S) };
      },
    },
  ];
}

function lifetimeOf(vm: Microvm): { vm: Microvm; also: Seen } {
  return { vm, also: after((vm.terminatedAt ?? Number.NaN) - vm.startedAt, LIFETIME_S) };
}
