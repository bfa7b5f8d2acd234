/** A meter over the real store, with a clock and processes of the test's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Clock } from '../../../src/clock/index.js';
import type { MicrovmRecord, Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import { createMeter, type Meter } from '../../../src/usage/meter.js';
import type { ProcessSample } from '../../../src/usage/probe.js';
import { Samples } from '../../../src/usage/samples.js';

export const accountId = '000000000000';
export const imageArn = `arn:aws:lambda:us-east-1:${accountId}:microvm-image:web`;
export const MIB = 1024 * 1024;
export const NOON = Date.parse('2026-11-24T12:00:00Z');

export class World {
  now = NOON;
  readonly processes = new Map<number, ProcessSample>();
  readonly warnings: unknown[][] = [];
  diskBytes = 40 * MIB;
  readonly meter: Meter;
  readonly samples: Samples;
  /** ms */
  steady: number;
  #timers: { at: number; fn: () => void }[] = [];

  constructor(readonly store: Store, now = NOON) {
    this.now = now;
    this.steady = now;
    const clock: Clock = {
      now: () => this.now,
      steady: () => this.steady,
      after: (ms, fn) => {
        const timer = { at: this.steady + ms, fn };
        this.#timers.push(timer);
        return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
      },
    };
    this.samples = new Samples(clock);
    this.meter = createMeter({
      store,
      clock,
      samples: this.samples,
      probe: (pid) => Promise.resolve(this.processes.get(pid)),
      bytesOnDisk: () => Promise.resolve(this.diskBytes),
      logger: { warn: (...said: unknown[]) => void this.warnings.push(said) },
    });
  }

  /** Time goes on, on both clocks; timers that come due are run, each with its work done. */
  async pass(seconds: number): Promise<void> {
    const end = this.steady + seconds * 1000;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      const to = next?.at ?? end;
      this.now += to - this.steady;
      this.steady = to;
      if (next === undefined) return;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.fn();
      await settle();
    }
  }

  /** The process uses that much from now until the next call, looked at once here. */
  process(pid: number, cpuSeconds: number, memoryMiB: number, start = 1): void {
    this.processes.set(pid, { identity: `boot-${pid}-${start}`, cpuSeconds, memoryBytes: memoryMiB * MIB });
  }
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function openScratchStore(t: TestContext): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-usage-'));
  const store = openStore(join(dir, 'records.db'));
  t.after(async () => {
    store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

let builds = 0;

/** An image whose version 1.0 has that baseline. */
export function insertImage(store: Store, memoryMiB = 512): void {
  store.insertImage({ accountId, name: 'web', arn: imageArn, state: 'CREATED', tags: {}, createdAt: NOON, updatedAt: NOON });
  store.insertVersion({
    imageArn, version: '1.0', state: 'SUCCESSFUL', status: 'ACTIVE', createdAt: NOON, updatedAt: NOON,
    config: { baseImageArn: 'arn:base', buildRoleArn: 'arn:role', codeArtifact: { uri: 's3://b/k' }, resources: [{ minimumMemoryInMiB: memoryMiB }] },
  });
  const buildId = `b-${builds++}`;
  store.insertBuild({
    imageArn, version: '1.0', buildId, state: 'SUCCESSFUL', architecture: 'X86_64', chipset: 'x', chipsetGeneration: '1', createdAt: NOON, attempts: 1,
    snapshotBuild: undefined,
  });
  store.updateBuild(buildId, { snapshotBuild: { memorySnapshotSizeInBytes: 100 * MIB, diskSnapshotSizeInBytes: 412 * MIB, codeInstallSizeInBytes: 1 } });
}

export function insertMicrovm(store: Store, id: string, over: Partial<MicrovmRecord> = {}): MicrovmRecord {
  const record: MicrovmRecord = {
    id, accountId, endpointLabel: `label-${id}`, state: 'RUNNING', imageArn, imageVersion: '1.0', maximumDurationInSeconds: 28_800, startedSteady: NOON,
    ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: NOON, resumeOnStart: false, ...over,
  };
  store.insertMicrovm(record);
  return record;
}
