/** ListMicrovmLaunches, ListMicrovmSamples, GetTop: extensions, how MicroVMs are doing (docs/api-extensions.md). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { epochSeconds, identifier } from '../shapes/primitives.js';
import { seconds, withNulls } from '../views/wire.js';

/** Tenths of a millisecond: what is finer is noise. */
const tenths = (ms: number): number => Math.round(ms * 10) / 10;

export const listMicrovmLaunches = defineOperation({
  name: 'ListMicrovmLaunches',
  method: 'GET',
  path: '/tardigrade/v1/microvms/{microvmIdentifier}/launches',
  status: 200,
  input: z.object({ microvmIdentifier: identifier }),
  run({ microvms, who }, { microvmIdentifier }) {
    const launches = microvms.launches(who, microvmIdentifier);
    return {
      microvmId: microvms.get(who, microvmIdentifier).id,
      launches: launches.map(({ kind, outcome, startedAt, phases }) => ({
        kind,
        outcome,
        startedAt: seconds(startedAt),
        totalMs: tenths(phases.reduce((sum, { durationMs }) => sum + durationMs, 0)),
        phases: phases.map(({ name, startMs, durationMs }) => ({ name, startMs: tenths(startMs), durationMs: tenths(durationMs) })),
      })),
    };
  },
});

export const listMicrovmSamples = defineOperation({
  name: 'ListMicrovmSamples',
  method: 'GET',
  path: '/tardigrade/v1/microvms/{microvmIdentifier}/samples',
  status: 200,
  input: z.object({ microvmIdentifier: identifier, since: epochSeconds.optional() }),
  run({ microvms, samples, who }, { microvmIdentifier, since }) {
    const { id } = microvms.get(who, microvmIdentifier);
    const found = samples.of(id, since === undefined ? undefined : since * 1000);
    return {
      microvmId: id,
      intervalSeconds: samples.intervalSeconds,
      samples: found.map(({ at, cpu, memoryBytes }) => ({ at: seconds(at), cpu: Math.round(cpu * 1000) / 1000, memoryBytes })),
    };
  },
});

export const getTop = defineOperation({
  name: 'GetTop',
  method: 'GET',
  path: '/tardigrade/v1/top',
  status: 200,
  input: z.object({}),
  run({ microvms, samples, who }) {
    return {
      microvms: microvms.live(who).map((vm) => {
        const { cpu, memoryBytes, memoryMiB, runningSeconds } = samples.latest(vm);
        return withNulls({
          microvmId: vm.id, imageArn: vm.imageArn, imageVersion: vm.imageVersion, state: vm.state,
          cpu: cpu === undefined ? undefined : Math.round(cpu * 1000) / 1000, memoryBytes, memoryMiB, runningSeconds: tenths(runningSeconds),
        });
      }),
    };
  },
});
