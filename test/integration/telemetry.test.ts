/** Where the time of real launches, resumes and builds goes, what MicroVMs use now, and what a collection removes. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ListMicrovmImageBuildsCommand, ResumeMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { ask } from './support/ask.js';
import { flaskImage } from './support/images.js';
import { reaches, type RunningVm, runVm } from './support/microvms.js';
import { closeShared, sharedService } from './support/service.js';

interface Launch {
  readonly kind: string;
  readonly outcome: string;
  readonly startedAt: number;
  readonly totalMs: number;
  readonly phases: readonly { readonly name: string; readonly startMs: number; readonly durationMs: number }[];
}

const ALL = ['queue', 'restore', 'fault-in', 'hook', 'first-byte'];
/** Tenths of a ms are rounded, each for itself. */
const ROUNDED = 0.5;

describe('telemetry', () => {
  const vms: RunningVm[] = [];
  const run = async (): Promise<RunningVm> => {
    const vm = await runVm(await sharedService(), await flaskImage());
    vms.push(vm);
    return vm;
  };
  const launchesOf = async (id: string): Promise<readonly Launch[]> =>
    ((await ask(await sharedService(), `/tardigrade/v1/microvms/${id}/launches`)) as { launches: readonly Launch[] }).launches;
  after(async () => {
    for (const vm of vms) await vm.terminate();
    await closeShared();
  });

  it('the phases of a launch and a resume that requests waited for are ordered, do not overlap, and add up', async () => {
    const began = Date.now();
    const vm = await run();
    await vm.state(); // waits for the launch
    const launched = Date.now() - began;
    const [launch] = await launchesOf(vm.id);
    assert.ok(launch !== undefined);
    assertTimeline(launch, 'RUN', launched);
    assert.ok(launch.startedAt * 1000 >= began - 1_000 && launch.startedAt * 1000 <= Date.now() + 1_000);

    await vm.suspend();
    const woken = performance.now();
    await vm.state(); // resumes it
    const resumed = performance.now() - woken;
    const [resume, before] = await launchesOf(vm.id);
    assert.ok(resume !== undefined);
    assertTimeline(resume, 'RESUME', resumed);
    assert.deepEqual(before, launch, 'the launch stays as it was');
  });

  it('nobody asks for its first byte: the phases end with RUNNING', async () => {
    const service = await sharedService();
    const vm = await run();
    await reaches(service, vm.id, 'RUNNING');
    await vm.suspend();
    await service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id }));
    const launches = await launchesOf(vm.id);
    assert.deepEqual(launches.map(({ kind, outcome, phases }) => [kind, outcome, phases.map(({ name }) => name)]), [
      ['RESUME', 'SUCCEEDED', ALL.slice(0, 4)], ['RUN', 'SUCCEEDED', ALL.slice(0, 4)],
    ]);
  });

  it('samples are of the VMM, and top has those that live', async () => {
    const service = await sharedService();
    const vm = await run();
    await vm.state();
    type Samples = { readonly intervalSeconds: number; readonly samples: readonly { readonly at: number; readonly cpu: number; readonly memoryBytes: number }[] };
    let found: Samples['samples'] = [];
    while (found.length < 2) {
      await pause(500);
      found = ((await ask(service, `/tardigrade/v1/microvms/${vm.id}/samples`)) as Samples).samples;
    }
    for (const { cpu, memoryBytes } of found) assert.ok(cpu >= 0 && memoryBytes > 1024 * 1024, JSON.stringify(found));
    assert.ok((found[1]?.at ?? 0) - (found[0]?.at ?? 0) >= 2.5, 'no closer than half the interval');
    const { microvms } = (await ask(service, '/tardigrade/v1/top')) as { microvms: readonly { microvmId: string; state: string; memoryMiB: number; memoryBytes: number | null; runningSeconds: number }[] };
    const row = microvms.find(({ microvmId }) => microvmId === vm.id);
    assert.deepEqual([row?.state, row?.memoryMiB], ['RUNNING', 512]);
    assert.ok((row?.memoryBytes ?? 0) > 0 && (row?.runningSeconds ?? 0) > 5, JSON.stringify(row));
  });

  it('the steps of a build are recorded in order', async () => {
    const service = await sharedService();
    const imageArn = await flaskImage();
    const { items = [] } = await service.microvms.send(new ListMicrovmImageBuildsCommand({ imageIdentifier: imageArn, imageVersion: '1.0' }));
    const { steps } = (await ask(service, `/tardigrade/v1/images/${encodeURIComponent(imageArn)}/versions/1.0/builds/${items[0]?.buildId ?? ''}/steps`)) as
      { steps: readonly { name: string; status: string; startedAt: number; endedAt: number }[] };
    assert.deepEqual(steps.map(({ name, status }) => [name, status]), ['fetch', 'build', 'boot', 'ready', 'snapshot', 'validate', 'tidy'].map((name) => [name, 'SUCCEEDED']));
    for (const [i, step] of steps.entries()) assert.ok(step.endedAt >= step.startedAt && step.startedAt >= (steps[i - 1]?.endedAt ?? 0), JSON.stringify(steps));
  });
});

/** `withinMs`: how long the client waited for all of it. */
function assertTimeline(launch: Launch, kind: string, withinMs: number): void {
  const text = JSON.stringify(launch);
  assert.deepEqual([launch.kind, launch.outcome, launch.phases.map(({ name }) => name)], [kind, 'SUCCEEDED', ALL], text);
  let end = 0;
  for (const { startMs, durationMs } of launch.phases) {
    assert.ok(Math.abs(startMs - end) <= ROUNDED && durationMs >= 0, `each begins where the one before ends: ${text}`);
    end = startMs + durationMs;
  }
  assert.ok(Math.abs(end - launch.totalMs) <= ROUNDED, `they add up to the total: ${text}`);
  assert.ok(launch.totalMs <= withinMs + ROUNDED, `the client waited ${withinMs} ms: ${text}`);
  // Restoring a machine and waking its guest are never free.
  for (const name of ['restore', 'fault-in']) assert.ok((launch.phases.find((phase) => phase.name === name)?.durationMs ?? 0) > 0.1, `${name}: ${text}`);
}
