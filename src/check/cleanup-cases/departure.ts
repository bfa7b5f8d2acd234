/** Clients that go away: the idle policy ends what they leave. */
import { firstAnswer } from '../answer.js';
import { after, type Case } from './case.js';
import type { Fleet } from '../client/fleet.js';

/** The shortest that AWS takes. Suspended for no time: it ends where it would suspend. */
const IDLE_S = 60;
const ALONE = { maxIdleDurationSeconds: IDLE_S, suspendedDurationSeconds: 0, autoResumeEnabled: true };
const left = { expected: `TERMINATED, "MicroVM exceeded maximum suspended duration." after ${IDLE_S} s`, reason: /^MicroVM exceeded maximum suspended duration\.$/ };
const LIMIT_MS = 120_000;

export function departures(fleet: Fleet): Case[] {
  return [
    {
      ...left,
      name: 'a client that leaves in the middle of a launch',
      run: async (made) => {
        const { microvmId } = await fleet.runAndLeave({ idlePolicy: ALONE });
        await fleet.reaches(microvmId, 'RUNNING');
        const running = performance.now();
        await made(microvmId);
        const vm = await fleet.reaches(microvmId, 'TERMINATED', LIMIT_MS);
        return { vm, also: after((performance.now() - running) / 1000, IDLE_S) };
      },
    },
    {
      ...left,
      name: 'a client that leaves in the middle of a request',
      expected: `others are answered; ${left.expected}`,
      run: async (made) => {
        const vm = await fleet.launch({ idlePolicy: ALONE });
        await firstAnswer(fleet, vm);
        await made(vm.id);
        await vm.endpoint.abandon({ path: fleet.target.path, port: fleet.target.port, token: vm.token });
        await firstAnswer(fleet, vm);
        const answered = performance.now();
        const over = await fleet.reaches(vm.id, 'TERMINATED', LIMIT_MS);
        return { vm: over, also: after((performance.now() - answered) / 1000, IDLE_S) };
      },
    },
    {
      name: 'a terminate in the middle of a launch',
      expected: 'TERMINATED, "Success."',
      reason: /^Success\.$/,
      run: async (made) => {
        const { microvmId } = await fleet.run();
        await fleet.api.terminate(microvmId);
        const vm = await fleet.reaches(microvmId, 'TERMINATED');
        await made(microvmId);
        return { vm };
      },
    },
  ];
}
