/** What the launcher is told: which files a machine gets, how large they may become, and how it is named. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/config.js';
import { createOverlay } from '../../../src/engine/qcow2.js';
import { JAILED, qemuArguments, RAM_PATH } from '../../../src/engine/qemu/commandline.js';
import { FD, launcherSpec, largestFile, machineFiles, savedStateOf } from '../../../src/engine/qemu/jail.js';
import { machineFor } from '../../../src/engine/qemu/machine.js';

const GIB = 1024 ** 3;

describe('jail', () => {
  let dir: string;
  let base: string;
  let vm: string;
  const layer = (index: number): string => join(vm, `disk0.${index}.qcow2`);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-jail-unit-'));
    base = join(dir, 'template.raw');
    vm = join(dir, 'vm');
    await mkdir(vm);
    await writeFile(base, '');
    await truncate(base, 8 * GIB);
    await createOverlay(layer(0), { path: base, format: 'raw' }, 8 * GIB);
    await createOverlay(layer(3), { path: layer(0), format: 'qcow2' }, 8 * GIB);
    await createOverlay(layer(4), { path: layer(3), format: 'qcow2' }, 8 * GIB);
  });
  after(() => rm(dir, { recursive: true }));

  it('lets a clone write its own layers, and read the template\'s disk', async () => {
    assert.deepEqual(await machineFiles(vm, [{ path: layer(4), format: 'qcow2' }], []), [
      { path: savedStateOf(vm), writable: true },
      { path: layer(4), writable: true }, { path: layer(3), writable: true }, { path: layer(0), writable: true },
      { path: base, writable: false },
    ]);
    assert.equal((await stat(savedStateOf(vm))).mode & 0o777, 0o600);
  });

  it('empties what an earlier VMM saved', async () => {
    await writeFile(savedStateOf(vm), 'old');
    await machineFiles(vm, [], []);
    assert.equal(await readFile(savedStateOf(vm), 'utf8'), '');
  });

  it('names a file once, and gives a raw disk and what is booted as they are', async () => {
    const files = await machineFiles(vm, [{ path: base, format: 'raw' }, { path: layer(0), format: 'qcow2' }], ['/kernel', '/kernel']);
    assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
    assert.deepEqual(files.find(({ path }) => path === '/kernel'), { path: '/kernel', writable: false });
  });

  it('bounds files by the largest disk and the memory', async () => {
    assert.equal(await largestFile(512 * 1024 ** 2, []), GIB);
    assert.equal(await largestFile(512 * 1024 ** 2, [{ path: layer(4), format: 'qcow2' }]), 16 * GIB);
    assert.equal(await largestFile(32 * GIB, [{ path: layer(4), format: 'qcow2' }]), 32 * GIB);
  });

  it('hands everything but the disks over as descriptors, in the order of their numbers', () => {
    const common = {
      jail: { launcher: '/l', tree: '/t', mount: '/m', ids: { first: 7, count: 9 } }, program: 'qemu-system-x86_64', args: ['-S'], controlSocket: '/c', consoleLog: '/o',
      ram: { path: '/r', shared: false }, files: [], kvm: false, tasks: 3, fileBytes: 4, log: '/log',
    };
    const full = JSON.parse(launcherSpec({ ...common, link: { netnsPath: '/n', tap: 'tap0' }, stateFile: '/s' })) as { descriptors: unknown[]; ram: unknown; netns: string };
    const expected: unknown[] = [];
    expected[FD.control - 3] = { listen: '/c' };
    expected[FD.console - 3] = { write: '/o' };
    expected[FD.tap - 3] = { tap: 'tap0' };
    expected[FD.state - 3] = { read: '/s' };
    assert.deepEqual([full.descriptors, full.ram, full.netns], [expected, { path: '/r', create: false }, '/n']);
    const bare = JSON.parse(launcherSpec({ ...common, link: undefined })) as { descriptors: unknown[]; netns: string };
    assert.deepEqual([bare.descriptors, bare.netns], [expected.slice(0, 2), '']);
  });

  it('leaves no path of the host in a clone\'s command line but its disk\'s', () => {
    const args = qemuArguments({
      machine: machineFor('x86_64', 'tcg'), size: { memoryMiB: 512, vcpus: 1 }, ram: { path: RAM_PATH, shared: false }, ...JAILED,
      disks: [{ path: '/data/vm/disk0.0.qcow2', format: 'qcow2' }], link: { tap: { fd: FD.tap }, guestMac: '02:00:00:00:00:01' },
    }).join(' ');
    assert.deepEqual(args.match(/=\/[^, ]+/g), ['=/ram', '=/dev/fdset/4', '=/data/vm/disk0.0.qcow2']);
    assert.match(args, /-netdev tap,id=net0,fd=5,vhost=off/);
    assert.match(args, /socket,id=control,fd=3,server=on,wait=off/);
  });

  it('takes a range of ids, and none with root in it', () => {
    const of = (text: string) => loadConfig({ TARDIGRADE_VMM_IDS: text }).vmmIds;
    assert.deepEqual(loadConfig({}).vmmIds, { first: 300_000, count: 65_536 });
    assert.deepEqual(of('1000-1001'), { first: 1000, count: 2 });
    for (const bad of ['0-9', '5-5', '9-5', '5', 'a-b', '', '1-2147483648']) assert.throws(() => of(bad), /TARDIGRADE_VMM_IDS/, bad);
  });
});
