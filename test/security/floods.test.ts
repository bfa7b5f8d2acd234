/**
 * Floods from inside a hostile guest: a neighbour's requests stay near as fast as before, the host lives, and the flooding
 * MicroVM can be ended at any time.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type RunningVm, runVm } from '../integration/support/microvms.js';
import { residue } from '../integration/support/residue.js';
import { closeShared, sharedService, type Service } from '../integration/support/service.js';
import { attackerImage, post } from './support.js';

const FLOODS = ['fork-bomb', 'memory', 'disk', 'synchronous-writes', 'inodes', 'log', 'console', 'connections', 'packets', 'frames', 'names', 'metadata', 'processors', 'entropy'];
/** Of the calm 99th percentile. */
const MAX_RATIO = 3;
const SAMPLES = 300;
/** ms a flood takes to get going. */
const BUILD_UP_MS = 1_500;
const TRIES = 5;
/** Of a range for documentation (RFC 5737). */
const FLOODED = '198.51.100.1';
/** Bytes: a second's worth is written before the launcher sees it. */
const MAX_LOG = 64 * 1024 * 1024;
const MIB = 1024 * 1024;
/** Bytes of the process that holds the daemon and the test. */
const MAX_GROWTH = 256 * MIB;

/** ms of each of some requests, one after the other. */
async function latencies(vm: RunningVm, count: number): Promise<number[]> {
  const taken: number[] = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    const answer = await vm.http.send('/');
    assert.equal(answer.status, 200);
    taken.push(performance.now() - start);
  }
  return taken.sort((a, b) => a - b);
}

const run = promisify(execFile);
const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
const percentile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

describe('floods', () => {
  let service: Service;
  let image: string;
  let neighbour: RunningVm;
  const cleanup: (() => unknown)[] = [];

  before(async () => {
    service = await sharedService();
    // The floods' packets cross link and host, and end there.
    await run('ip', ['route', 'add', 'blackhole', `${FLOODED}/32`]);
    cleanup.push(() => run('ip', ['route', 'del', 'blackhole', `${FLOODED}/32`]));
    image = await attackerImage('all');
    neighbour = await runVm(service, image);
    cleanup.push(() => neighbour.terminate());
    await latencies(neighbour, SAMPLES); // translated and warm
  });
  after(async () => {
    for (const step of cleanup) await step();
    await closeShared();
  });

  interface Round {
    readonly ratio: number;
    readonly grownBytes: number;
    readonly told: string;
  }

  /** A flooding MicroVM from its launch to its end. */
  async function round(flood: string): Promise<Round> {
    const attacker = await runVm(service, image);
    await attacker.http.send('/');
    const calm = await latencies(neighbour, SAMPLES);
    const rss = process.memoryUsage.rss();
    const free = await freeBytes(service);
    await post(attacker, `/flood/${flood}`, { flooded: FLOODED });
    await pause(BUILD_UP_MS);
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const flooded = await latencies(neighbour, SAMPLES);
    loop.disable();
    const grownBytes = process.memoryUsage.rss() - rss;
    const logs = await Promise.all(['console.log', 'vmm.log'].map((name) => stat(join(service.config.dataDir, 'microvms', attacker.id, name))));
    const diskBytes = free - (await freeBytes(service));
    await attacker.terminate();
    for (const { size } of logs) assert.ok(size < MAX_LOG, `a log of the VMM has ${mib(size)} MiB`);
    const ratio = percentile(flooded, 0.99) / percentile(calm, 0.99);
    const ms = (share: number): string => `${percentile(calm, share).toFixed(1)} → ${percentile(flooded, share).toFixed(1)} ms`;
    return { ratio, grownBytes, told: `p50 ${ms(0.5)}, p99 ${ms(0.99)}, ratio ${ratio.toFixed(2)}; the daemon's loop p99 ${(loop.percentile(99) / 1e6).toFixed(0)} ms, ${mib(grownBytes)} MiB, disk ${mib(diskBytes)} MiB` };
  }

  for (const flood of FLOODS) {
    it(`leaves a neighbour its latency: ${flood}`, { timeout: 240_000 }, async (t) => {
      // The host may be busy with others for a moment: what a flood does, it does each time.
      let best = Infinity;
      for (let tries = 0; tries < TRIES && best > MAX_RATIO; tries++) {
        const { ratio, grownBytes, told } = await round(flood);
        t.diagnostic(told);
        best = Math.min(best, ratio);
        assert.ok(grownBytes < MAX_GROWTH, `the daemon grew by ${mib(grownBytes)} MiB`);
      }
      assert.ok(best <= MAX_RATIO, `p99 is ${best.toFixed(2)} times the calm one`);
    });
  }

  it('leaves the host as it was', async () => {
    assert.equal((await residue(service)).vmms, 1, 'the neighbour alone');
    assert.equal((await neighbour.http.send('/')).status, 200);
  });
});

async function freeBytes(service: Service): Promise<number> {
  const { bsize, bfree } = await statfs(service.config.dataDir);
  return bsize * bfree;
}
