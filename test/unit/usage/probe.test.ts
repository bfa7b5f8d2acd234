import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { probeProcess } from '../../../src/usage/probe.js';

test('CPU time, own memory and identity of a real process', async () => {
  const first = await probeProcess(process.pid);
  const held = Buffer.alloc(64 * 1024 * 1024, 1);
  while (process.cpuUsage().user / 1e6 < (first?.cpuSeconds ?? 0) + 0.3) Math.sqrt(held[0] ?? 0);
  const second = await probeProcess(process.pid);
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(first.identity, second.identity);
  const own = process.cpuUsage();
  assert.ok(Math.abs(second.cpuSeconds - (own.user + own.system) / 1e6) < 0.25, `${second.cpuSeconds} of ${(own.user + own.system) / 1e6}`);
  assert.ok(second.memoryBytes - first.memoryBytes > 60 * 1024 * 1024);
  assert.equal(held.length, 64 * 1024 * 1024);
});

test('a process that has ended, reaped or not, is none', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  assert.equal(await probeProcess(child.pid ?? 0), undefined);
});
