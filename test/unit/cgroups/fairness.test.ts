/** CPU time of busy processes side by side in groups of different weight; everything is a ratio of the same run. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'node:test';
import { limits, open, waiting, without } from './support.js';

/** On one CPU, so that both always want the same one. */
const BUSY = "taskset -c 0 sh -c 'while :; do :; done'";

/** proc(5): utime and stime, fields 14 and 15 counted after the parenthesised name; hundredths of a second. */
async function cpuTicks(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function ticksUntil(pids: readonly number[], total: number): Promise<number[]> {
  for (;;) {
    const ticks = await Promise.all(pids.map(cpuTicks));
    if (ticks.reduce((sum, one) => sum + one, 0) >= total) return ticks;
    await sleep(20);
  }
}

test('two busy groups share a CPU by their weights, 4 to 1', { skip: without('cpu'), timeout: 60_000 }, async (t) => {
  const { cgroups } = await open(t);
  const pids: number[] = [];
  for (const [name, cpuWeight] of [['large', 1], ['small', 0.25]] as const) {
    const group = await cgroups.create(name, { ...limits, cpus: undefined, cpuWeight });
    const child = await waiting(t, BUSY);
    await group.add(child.pid);
    pids.push(child.pid);
    child.stdin?.write('\n');
  }
  const [large = 0, small = 0] = await ticksUntil(pids, 150);
  const ratio = large / small;
  t.diagnostic(`${large} to ${small} hundredths of a second: ${ratio.toFixed(2)}`);
  assert.ok(ratio > 2 && ratio < 8, `4 expected, ${ratio} seen`);
});

test('a group takes no more than its limit of CPU time, though nobody else wants it', { skip: without('cpu'), timeout: 60_000 }, async (t) => {
  const { cgroups } = await open(t);
  const group = await cgroups.create('limited', { ...limits, cpus: 0.25 });
  const child = await waiting(t, BUSY);
  await group.add(child.pid);
  const started = performance.now();
  child.stdin?.write('\n');
  const [ticks = 0] = await ticksUntil([child.pid], 25);
  const share = ticks / 100 / ((performance.now() - started) / 1000);
  t.diagnostic(`${share.toFixed(3)} of a CPU`);
  assert.ok(share < 0.4, `0.25 allowed, ${share} taken`);
});
