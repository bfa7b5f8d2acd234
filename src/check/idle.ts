/**
 * What an idle MicroVM of the image costs: a short real run (idle, suspended, resumed, busy) read from the service's own
 * meter, and a month of the described usage made of it, against MicroVMs that never suspend.
 */
import type { Prices } from '../usage/contracts.js';
import { firstAnswer } from './answer.js';
import type { Usage } from './client/api.js';
import { BY_REQUEST, type Fleet, type Vm } from './client/fleet.js';
import type { Finding, IdleData, Measured, Pattern, Section } from './types.js';
import { finding, info, notChecked, section } from './findings.js';
import { alwaysOn, billed, walkMonth } from './month.js';
import { bytes, dollars, fixed } from './report/numbers.js';

export interface IdleOptions {
  readonly pattern: Pattern;
  /** How long the MicroVM is watched while idle. */
  readonly watchSeconds: number;
}

const TITLE = 'Idle cost';
/** How long it is watched while suspended, and while it answers one request after another. */
const SUSPENDED_S = 5;
const BUSY_S = 5;
/** 2 GB of memory come with one vCPU. */
const MIB_PER_VCPU = 2048;

/** What the meter says at the end of each part of the run. */
interface Readings {
  readonly launched: Usage;
  readonly idle: Usage;
  readonly suspended: Usage;
  readonly stillSuspended: Usage;
  readonly resumed: Usage;
  readonly busy: Usage;
  readonly requests: number;
}

export async function checkIdle(fleet: Fleet, { pattern, watchSeconds }: IdleOptions, say: (text: string) => void): Promise<Section<'idle', IdleData>> {
  say(`idle: watching a MicroVM for ${watchSeconds} s`);
  const vm = await fleet.launch({ idlePolicy: BY_REQUEST });
  await firstAnswer(fleet, vm);
  const launched = await fleet.api.usage(vm.id);
  if (launched === undefined) {
    await fleet.end(vm);
    return section<'idle', IdleData>('idle', TITLE, [notChecked('use of an idle MicroVM', 'counted by the service', 'this service has no operation GetMicrovmUsage, or the key may not call it')]);
  }
  const readings = await run(fleet, vm, launched, watchSeconds);
  await fleet.end(vm);
  const measured = measure(readings, fleet.target.image.storedBytes);
  const prices = pricesOf(launched);
  const data: IdleData = { pattern, measured, asDescribed: billed(walkMonth(pattern), measured, prices), alwaysOn: billed(alwaysOn(pattern), measured, prices) };
  return section('idle', TITLE, findingsOf(readings, data), data);
}

async function run(fleet: Fleet, vm: Vm, launched: Usage, watchSeconds: number): Promise<Readings> {
  const read = async (): Promise<Usage> => {
    const usage = await fleet.api.usage(vm.id);
    if (usage === undefined) throw new Error(`GetMicrovmUsage of ${vm.id} answered before, and does not any more`);
    return usage;
  };
  await fleet.pause(watchSeconds * 1000);
  const idle = await read();
  await fleet.suspend(vm);
  const suspended = await read();
  await fleet.pause(SUSPENDED_S * 1000);
  const stillSuspended = await read();
  await firstAnswer(fleet, vm);
  const resumed = await read();
  let requests = 0;
  for (const end = performance.now() + BUSY_S * 1000; performance.now() < end; requests++) await firstAnswer(fleet, vm);
  return { launched, idle, suspended, stillSuspended, resumed, busy: await read(), requests };
}

export function measure({ launched, idle, suspended, stillSuspended, resumed, busy }: Readings, imageStoredBytes: number): Measured {
  const during = (before: Usage, after: Usage, member: keyof Usage['usage']): number => after.usage[member] - before.usage[member];
  /** Of a second of the time that `per` counts. */
  const rate = (before: Usage, after: Usage, member: keyof Usage['usage'], per: 'runningSeconds' | 'suspendedSeconds' | 'measuredSeconds' = 'runningSeconds'): number =>
    during(before, after, per) === 0 ? 0 : during(before, after, member) / during(before, after, per);
  return {
    memoryMiB: launched.memoryMiB,
    idleCpuPerSecond: rate(launched, idle, 'cpuSeconds'),
    idleBurstCpuPerSecond: rate(launched, idle, 'burstCpuSeconds'),
    activeCpuPerSecond: rate(resumed, busy, 'cpuSeconds'),
    activeBurstCpuPerSecond: rate(resumed, busy, 'burstCpuSeconds'),
    launchCpuSeconds: launched.usage.cpuSeconds,
    launchBurstCpuSeconds: launched.usage.burstCpuSeconds,
    resumeCpuSeconds: during(stillSuspended, resumed, 'cpuSeconds'),
    resumeBurstCpuSeconds: during(stillSuspended, resumed, 'burstCpuSeconds'),
    memoryBytes: rate(launched, busy, 'memoryByteSeconds', 'measuredSeconds'),
    burstMemoryBytes: rate(launched, busy, 'burstMemoryByteSeconds', 'measuredSeconds'),
    launchReadBytes: launched.usage.snapshotReadBytes,
    resumeReadBytes: during(stillSuspended, resumed, 'snapshotReadBytes'),
    suspendWrittenBytes: during(idle, suspended, 'snapshotWrittenBytes'),
    suspendedBytes: rate(suspended, stillSuspended, 'storedByteSeconds', 'suspendedSeconds'),
    imageStoredBytes,
  };
}

function pricesOf({ charges }: Usage): Prices {
  const price = (dimension: string): number => {
    const found = charges.find((charge) => charge.dimension === dimension);
    if (found === undefined) throw new Error(`the service's usage has no line '${dimension}': it is of another version than this command`);
    return found.unitPrice;
  };
  return {
    vcpuSecond: price('vCPU, baseline'),
    memoryGbSecond: price('Memory, baseline'),
    snapshotReadGb: price('Snapshot read'),
    snapshotWriteGb: price('Snapshot write'),
    snapshotStorageGbHour: price('Snapshot storage, suspended MicroVMs'),
  };
}

function findingsOf({ suspended, stillSuspended, requests }: Readings, { measured, asDescribed, alwaysOn: always }: IdleData): Finding[] {
  const suspendedCpu = stillSuspended.usage.cpuSeconds - suspended.usage.cpuSeconds;
  const suspendedRunning = stillSuspended.usage.runningSeconds - suspended.usage.runningSeconds;
  const baseline = measured.memoryMiB / MIB_PER_VCPU;
  return [
    finding('a suspended MicroVM uses no CPU and no running time', '0 s of each', `CPU ${fixed(suspendedCpu, 2)} s, running ${fixed(suspendedRunning, 2)} s`, suspendedCpu === 0 && suspendedRunning === 0),
    finding('an idle MicroVM stays within its baseline', `at most ${fixed(baseline, 2)} vCPU`, `${fixed(measured.idleCpuPerSecond, 3)} vCPU`, measured.idleCpuPerSecond <= baseline),
    info('memory of its own', bytes(measured.memoryBytes)),
    info('a suspend writes', bytes(measured.suspendWrittenBytes)),
    info('a suspended MicroVM takes on disk', bytes(measured.suspendedBytes)),
    info('busy with requests one after another', `${fixed(measured.activeCpuPerSecond, 2)} vCPU, ${fixed(requests / BUSY_S, 1)} requests a second`),
    info('a month as described, at AWS\'s prices', dollars(asDescribed.cost)),
    info('a month always on', `${dollars(always.cost)}: ${compared(asDescribed.cost, always.cost)}`),
  ];
}

function compared(described: number, always: number): string {
  if (!(described > 0)) return 'nothing to compare';
  return described <= always ? `${fixed(always / described, 1)} times as much` : `less by ${fixed((1 - always / described) * 100, 0)} %: this pattern gains nothing from suspending`;
}
