/** The application or the kernel of a MicroVM dies, by our own hand inside it. */
import { firstAnswer } from '../answer.js';
import { NotPossible } from '../attempt.js';
import type { Case } from './case.js';
import type { Fleet } from '../client/fleet.js';
import { Probe, ProbeError, ProbeKilledError } from '../client/guest.js';
import type { PlaceProbe } from '../probe.js';

export function crashes(fleet: Fleet, place: PlaceProbe): Case[] {
  return [
    {
      name: 'the application\'s main process is killed',
      expected: 'TERMINATED, "Container Stopped with Exit Code: 137"',
      reason: /^Container Stopped with Exit Code: 137$/,
      run: (made) => crash(fleet, place, 'kill', made),
    },
    {
      name: 'the guest\'s kernel panics',
      expected: 'TERMINATED, "The kernel of the MicroVM stopped. …"',
      reason: /^The kernel of the MicroVM stopped\./,
      run: (made) => {
        if (!fleet.target.image.allCapabilities) throw new NotPossible('only an image with additionalOsCapabilities ALL can make its kernel panic');
        return crash(fleet, place, 'panic', made);
      },
    },
  ];
}

async function crash(fleet: Fleet, place: PlaceProbe, command: 'kill' | 'panic', made: (id: string) => Promise<void>): ReturnType<Case['run']> {
  const { region } = fleet.api.access;
  const ingressNetworkConnectors = ['HTTP_INGRESS', 'SHELL_INGRESS'].map((name) => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`);
  const vm = await fleet.launch({ ingressNetworkConnectors });
  await firstAnswer(fleet, vm);
  await made(vm.id);
  await place(fleet.api.access, vm.id);
  const probe = await Probe.start(fleet.api.access, vm.id, command);
  // It dies with the MicroVM, and the session may still tell or be lost: both are what we want. One that complains is not.
  await probe.end().catch((error: unknown) => {
    if (error instanceof ProbeError && !(error instanceof ProbeKilledError)) throw error;
  });
  return { vm: await fleet.reaches(vm.id, 'TERMINATED') };
}
