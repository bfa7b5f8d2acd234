import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openCgroups } from '../../../src/cgroups/cgroups.js';
import { settings } from '../../../src/cgroups/files.js';
import { groupsOf, limits, open, waiting, without } from './support.js';

const fileOf = (version: 1 | 2, file: string, weight: number): string | undefined =>
  settings(version, { ...limits, cpuWeight: weight }).find((setting) => setting.file === file)?.value;

test('a share of one CPU is the weight the kernel gives by default, in both versions, and others are in proportion', () => {
  assert.deepEqual([0.25, 0.5, 1, 2, 4].map((weight) => fileOf(1, 'cpu.shares', weight)), ['256', '512', '1024', '2048', '4096']);
  assert.deepEqual([0.25, 0.5, 1, 2, 4].map((weight) => fileOf(2, 'cpu.weight', weight)), ['25', '50', '100', '200', '400']);
  // Beyond what the kernel takes: the nearest it takes, not an error at a launch.
  assert.deepEqual([fileOf(1, 'cpu.shares', 0), fileOf(1, 'cpu.shares', 1e6), fileOf(2, 'cpu.weight', 0), fileOf(2, 'cpu.weight', 1e6)], ['2', '262144', '1', '10000']);
});

test('limits of CPU time in both versions', () => {
  assert.equal(fileOf(1, 'cpu.cfs_quota_us', 1), '150000');
  assert.equal(fileOf(2, 'cpu.max', 1), '150000 100000');
  const free = { ...limits, cpus: undefined };
  assert.equal(settings(1, free).find(({ file }) => file === 'cpu.cfs_quota_us')?.value, '-1');
  assert.equal(settings(2, free).find(({ file }) => file === 'cpu.max')?.value, 'max 100000');
});

test('a process is moved into the group of every controller, outside the group of this one', { skip: without('cpu', 'memory', 'pids') }, async (t) => {
  const { cgroups, warnings } = await open(t);
  assert.deepEqual(cgroups.controllers, ['cpu', 'memory', 'pids']);
  const group = await cgroups.create('one', limits);
  const child = await waiting(t, 'sleep 60');
  await group.add(child.pid);
  const paths = await groupsOf(child.pid);
  for (const [controllers, path] of paths) {
    if (/(^|,)(cpu|memory|pids)(,|$)/.test(controllers)) assert.match(path, /^\/tardigrade-[0-9a-f]{5}\/one$/, controllers);
  }
  assert.ok([...paths.values()].filter((path) => path.endsWith('/one')).length >= 1);
  assert.equal((await readFile(`/proc/${child.pid}/oom_score_adj`, 'utf8')).trim(), '500');
  assert.ok(((await group.peakMemoryBytes()) ?? 0) >= 0);
  assert.equal(await group.hitByOomKiller(), false);
  assert.deepEqual(warnings, []);
});

test('a later opening of the same owner finds and removes what is left', { skip: without('cpu', 'memory', 'pids') }, async (t) => {
  const owner = `test-${process.pid}-crash`;
  const first = await open(t, { owner });
  await first.cgroups.create('left', limits);
  await first.cgroups.create('kept', limits);
  await first.cgroups.create('again', limits);
  const child = await waiting(t, 'sleep 60');
  await first.cgroups.find('kept').add(child.pid);
  const later = await open(t, { owner });
  assert.deepEqual(await later.cgroups.names(), ['again', 'kept', 'left']);
  await later.cgroups.create('again', limits);
  await later.cgroups.create('new', limits);
  assert.equal(await later.cgroups.sweep(), 1);
  assert.deepEqual(await later.cgroups.names(), ['again', 'kept', 'new']);
  for (const name of ['again', 'new', 'again']) await later.cgroups.find(name).remove(); // also when it is gone
  assert.deepEqual(await later.cgroups.names(), ['kept']);
  await later.cgroups.close(); // not empty: stays
  assert.deepEqual(await later.cgroups.names(), ['kept']);
  assert.deepEqual([...first.warnings, ...later.warnings], []);
});

test('remove waits for a process that is ending', { skip: without('pids') }, async (t) => {
  const { cgroups, warnings } = await open(t);
  const group = await cgroups.create('ending', limits);
  const child = await waiting(t, 'sleep 60');
  await group.add(child.pid);
  child.kill('SIGKILL');
  await group.remove(); // not awaited: the kernel may still hold it
  assert.deepEqual([await cgroups.names(), warnings], [[], []]);
});

test('the OOM killer ends what takes more than its memory, and the group knows', { skip: without('memory') }, async (t) => {
  const { cgroups } = await open(t);
  const small = await cgroups.create('small', { ...limits, memoryBytes: 48 * 1024 * 1024 });
  const beside = await cgroups.create('beside', limits);
  const child = await waiting(t, 'tail /dev/zero'); // keeps all it reads in search of a line's end
  await small.add(child.pid);
  child.stdin?.write('go\n');
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
  assert.equal(await small.hitByOomKiller(), true);
  assert.equal(await beside.hitByOomKiller(), false);
  assert.ok(((await small.peakMemoryBytes()) ?? 0) > 40 * 1024 * 1024);
});

test('a process that is gone is no trouble', { skip: without('pids') }, async (t) => {
  const { cgroups, warnings } = await open(t);
  const group = await cgroups.create('gone', limits);
  const child = await waiting(t, 'true');
  child.stdin?.write('\n');
  await once(child, 'exit');
  await group.add(child.pid);
  assert.deepEqual(warnings, []);
});

test('a host that has none, or lets none be written: VMs start, the log says it once', async (t) => {
  for (const hierarchies of [[], [{ version: 1 as const, root: '/proc', controllers: ['cpu', 'memory', 'pids'] as const }]]) {
    const { cgroups, warnings } = await open(t, { hierarchies });
    assert.deepEqual(cgroups.controllers, []);
    for (const name of ['a', 'b']) {
      const group = await cgroups.create(name, limits);
      const child = await waiting(t, 'sleep 60');
      await group.add(child.pid);
      assert.deepEqual([await group.hitByOomKiller(), await group.peakMemoryBytes()], [false, undefined]);
      await group.remove();
    }
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    assert.match(String(warnings[0]?.[1]), /without limits of cpu, memory, pids/);
  }
});

test('v2: controllers are handed down to the groups, limits written in its format', async (t) => {
  // A plain folder takes any file, so this shows what would be written; no host here has controllers in v2.
  const root = await mkdtemp(join(tmpdir(), 'tardigrade-cgroup2-'));
  t.after(() => rm(root, { recursive: true }));
  const warnings: unknown[][] = [];
  const cgroups = await openCgroups({ owner: 'x', logger: { warn: (...said: unknown[]) => void warnings.push(said) }, hierarchies: [{ version: 2, root, controllers: ['cpu', 'memory', 'pids'] }] });
  await cgroups.create('vm', limits);
  const [name = ''] = await cgroups.names();
  assert.equal(name, 'vm');
  assert.ok((await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).startsWith('+'));
  const folder = join(root, (await readdir(root)).find((entry) => entry.startsWith('tardigrade-')) ?? '');
  const read = (file: string): Promise<string> => readFile(join(folder, 'vm', file), 'utf8');
  assert.deepEqual(await Promise.all(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map(read)), ['100', '150000 100000', String(limits.memoryBytes), '64']);
  assert.deepEqual(warnings, []);
});
