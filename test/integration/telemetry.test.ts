/** Where the time of real launches, resumes and builds goes, what MicroVMs use now, and what a collection removes. */
import assert from 'node:assert/strict';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ListMicrovmImageBuildsCommand, ResumeMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { noPromtool, promtool } from '../support/promtool.js';
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

  it('the metrics of all that pass promtool, and say what happened', async () => {
    const vm = await run();
    const before = await scraped();
    await vm.state();
    await vm.suspend();
    await vm.state();
    const after = await scraped();
    const grew = (series: string): number => after.value(series) - before.value(series);
    assert.ok(grew('tardigrade_proxy_requests_total{outcome="2xx"}') >= 2);
    assert.ok(grew('tardigrade_proxy_bytes_total{direction="out"}') > 100);
    assert.ok(grew('tardigrade_proxy_upstream_seconds_count') >= 2);
    for (const phase of ALL) assert.ok(grew(`tardigrade_launch_phase_seconds_count{kind="resume",phase="${phase}"}`) >= 1, phase);
    assert.ok(grew('tardigrade_suspend_bytes_total') > 0);
    assert.ok(after.value('tardigrade_vmm_memory_bytes') > 1024 * 1024);
    assert.ok(after.value('tardigrade_snapshot_stored_bytes{of="images"}') > 1024 * 1024);
    assert.ok(after.value('tardigrade_api_requests_total{service="lambda",operation="SuspendMicrovm",status="2xx"}') > 0);
    if (noPromtool === false) assert.equal(await promtool(['check', 'metrics'], after.page), '');
  });

  it('a collection leaves alone what lives: images, MicroVMs that run and that sleep', async () => {
    const service = await sharedService();
    const [runs, sleeps] = [await run(), await run()];
    const counted = [(await runs.change()).counter, (await sleeps.change()).counter];
    await sleeps.suspend();
    const stray = join(service.config.dataDir, 'images', '000000000000', 'stray', '1.0');
    await mkdir(stray, { recursive: true });
    await writeFile(join(stray, 'disk.raw'), Buffer.alloc(65_536, 1));
    const report = (await ask(service, '/tardigrade/v1/gc', { dryRun: false })) as { removed: readonly { kind: string; count: number; bytes: number }[]; failures: number };
    const files = report.removed.find(({ kind }) => kind === 'image-files');
    assert.ok(files?.count === 1 && files.bytes >= 65_536 && report.failures === 0, JSON.stringify(report));
    await assert.rejects(access(stray));
    assert.deepEqual([(await runs.state()).counter, (await sleeps.state()).counter], counted);
    const vm = await run();
    await vm.state(); // the image is whole
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

/** Series of the page. */
async function scraped(): Promise<{ readonly page: string; readonly value: (series: string) => number }> {
  const { daemon } = await sharedService();
  const page = await (await fetch(`${daemon.apiUrl}/metrics`)).text();
  return { page, value: (series) => Number(page.split('\n').find((line) => line.startsWith(`${series} `))?.slice(series.length + 1) ?? NaN) };
}

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
