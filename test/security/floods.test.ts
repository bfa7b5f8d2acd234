/**
 * Floods from inside a hostile guest: a neighbour's requests stay near as fast as before, the host lives, and the flooding
 * MicroVM can be ended at any time.
 */
import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
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
const MIB = 1024 * 1024;

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

const percentile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

describe('floods', () => {
  let service: Service;
  let image: string;
  let neighbour: RunningVm;
  const cleanup: (() => unknown)[] = [];

  before(async () => {
    service = await sharedService();
    image = await attackerImage('all');
    neighbour = await runVm(service, image);
    cleanup.push(() => neighbour.terminate());
    await latencies(neighbour, SAMPLES); // translated and warm
  });
  after(async () => {
    for (const step of cleanup) await step();
    await closeShared();
  });

  for (const flood of FLOODS) {
    it(`leaves a neighbour its latency: ${flood}`, { timeout: 180_000 }, async (t) => {
      const attacker = await runVm(service, image);
      await attacker.http.send('/');
      const calm = await latencies(neighbour, SAMPLES);
      const rss = process.memoryUsage.rss();
      const free = await freeBytes(service);
      await post(attacker, `/flood/${flood}`, { flooded: '198.51.100.1' });
      await new Promise((resolve) => setTimeout(resolve, BUILD_UP_MS));
      const flooded = await latencies(neighbour, SAMPLES);
      const grown = process.memoryUsage.rss() - rss;
      const taken = free - (await freeBytes(service));
      await attacker.terminate();
      const ratio = percentile(flooded, 0.99) / percentile(calm, 0.99);
      t.diagnostic(`p50 ${percentile(calm, 0.5).toFixed(1)} → ${percentile(flooded, 0.5).toFixed(1)} ms, p99 ${percentile(calm, 0.99).toFixed(1)} → ${percentile(flooded, 0.99).toFixed(1)} ms, ratio ${ratio.toFixed(2)}; daemon ${(grown / MIB).toFixed(0)} MiB, disk ${(taken / MIB).toFixed(0)} MiB`);
      assert.ok(ratio <= MAX_RATIO, `p99 is ${ratio.toFixed(2)} times the calm one`);
      assert.ok(grown < 256 * MIB, `the daemon grew by ${grown / MIB} MiB`);
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
