/** The engine by itself: what it refuses to load, what it writes, how it ends. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { GuestAssets } from '../../src/daemon/assets.js';
import { type Engine, SnapshotRefusedError, type Vm } from '../../src/engine/contracts.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { findVmms } from '../../src/engine/qemu/survivors.js';
import { readManifest, verifyRam } from '../../src/engine/snapshot/manifest.js';
import { createGuestAgent } from '../../src/guest/agent.js';
import { GUEST_NET, NO_EGRESS, type Link, type LinkPool } from '../../src/network/contracts.js';
import { type EngineHost, openEngineHost } from './support/engine-host.js';

const run = promisify(execFile);

/** A file system of 64 MiB with a shell, made of this host's. */
async function makeDisk(path: string, root: string): Promise<void> {
  await run('sh', ['-ec', `
    for program in sh cat sync; do
      for file in $(command -v $program) $(ldd $(command -v $program) | grep -o '/[^ ]*'); do cp --parents -L $file "$1"; done
    done
    mkdir -p "$1/dev" "$1/proc" "$1/sys" "$1/tmp" "$1/etc" "$1/run"
    truncate -s 64M "$2"
    mkfs.ext4 -q -F -d "$1" "$2"
  `, 'make-disk', root, path]);
}

describe('engine', () => {
  let dir: string;
  let guest: GuestAssets;
  let engine: Engine;
  let links: LinkPool;
  let template: string;
  let runDir: string;
  let held: EngineHost['held'];
  let host: EngineHost;

  const link = async (): Promise<Link> => {
    const one = await links.acquire({ egress: NO_EGRESS });
    held.push(() => one.release());
    return one;
  };
  const started = async (starting: Promise<Vm>): Promise<Vm> => {
    const vm = await starting;
    held.push(() => vm.stop());
    return vm;
  };
  const folder = async (name: string): Promise<string> => {
    const path = join(dir, name);
    await mkdir(path);
    return path;
  };
  const exec = async (vm: Vm, script: string): Promise<string> => {
    const agent = createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal));
    const out: Buffer[] = [];
    const { code } = await agent.exec({ args: ['sh', '-c', script], root: { kind: 'device', device: '/dev/vda' }, onStdout: (chunk) => out.push(chunk) });
    assert.equal(code, 0, script);
    return Buffer.concat(out).toString();
  };
  const writeDisk = async (vm: Vm, text: string): Promise<unknown> => exec(vm, `echo -n '${text}' >/note; sync`);
  const readDisk = async (vm: Vm): Promise<string> => exec(vm, 'cat /note');
  const ping = async (vm: Vm): Promise<void> => {
    const agent = createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal));
    await agent.waitUntilUp(AbortSignal.timeout(60_000));
    await agent.wake({ hostname: 'engine-test' });
  };

  before(async () => {
    host = await openEngineHost('engine');
    ({ dir, guest, runDir, links, held } = host);
    engine = createQemuEngine({ ...guest, runDir });
    const disk = join(dir, 'disk.raw');
    await makeDisk(disk, await folder('root'));
    const vm = await started(engine.boot({ id: 'boot', size: { memoryMiB: 512, vcpus: 1 }, disks: [{ path: disk, format: 'raw' }], link: await link(), dir: await folder('boot') }));
    await ping(vm);
    template = await folder('template');
    const info = await vm.snapshot(template);
    assert.ok(info.memoryBytes > 10_000_000 && info.memoryBytes < 512 * 1024 * 1024, `${info.memoryBytes} bytes of memory`);
  });
  after(() => host.close());

  it('falls back to software emulation with a reason, or runs under KVM', async () => {
    const info = await engine.info();
    assert.match(info.reason, info.accelerator === 'kvm' ? /booted under KVM/ : /TCG/);
    assert.match(info.vmm, /^QEMU \d/);
  });

  it('writes a manifest that describes and checks its files', async () => {
    const manifest = await readManifest(template);
    assert.equal(manifest.machine.vmm, (await engine.info()).vmm);
    assert.deepEqual(manifest.size, { memoryMiB: 512, vcpus: 1 });
    await verifyRam(template, manifest);
  });

  it('makes overlays that qemu-img finds sound', async () => {
    const vmDir = await folder('overlay');
    const vm = await started(engine.launch({ id: 'overlay', template, link: await link(), dir: vmDir }));
    await ping(vm);
    const stats = await vm.stats();
    assert.ok(stats.cpuSeconds >= 0 && stats.privateBytes > 0);
    await vm.stop();
    const path = join(vmDir, 'disk0.0.qcow2');
    await run('qemu-img', ['check', path]);
    const { stdout } = await run('qemu-img', ['info', '--output=json', path]);
    const info = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([info['virtual-size'], info['full-backing-filename']], [64 * 1024 * 1024, join(dir, 'disk.raw')]);
  });

  it('limits what a disk may do in a second, when told to', async (t) => {
    const limited = createQemuEngine({ ...guest, runDir, diskBytesPerSecond: 16 * 1024 * 1024 });
    const seconds: number[] = [];
    for (const [index, one] of [engine, limited].entries()) {
      const vm = await started(one.launch({ id: `disk-${index}`, template, link: await link(), dir: await folder(`disk-${index}`) }));
      await ping(vm);
      const start = performance.now();
      await exec(vm, 'cat /dev/vda >/dev/null'); // 64 MiB
      seconds.push((performance.now() - start) / 1000);
      await vm.stop();
    }
    const [free = 0, held = 0] = seconds;
    t.diagnostic(`${free.toFixed(2)} s without a limit, ${held.toFixed(2)} s with 16 MiB a second`);
    assert.ok(held > 2 * free);
  });

  it('suspends at the price of the dirtied pages, again and again, and never touches the template', async () => {
    const before = await readFile(join(template, 'manifest.json'), 'utf8');
    const vmDir = await folder('cycles');
    let vm = await started(engine.launch({ id: 'cycles', template, link: await link(), dir: vmDir }));
    for (let cycle = 0; cycle < 3; cycle++) {
      await ping(vm);
      const info = await vm.suspend();
      assert.ok(info.dirtyPages > 0 && info.bytes < 64 * 1024 * 1024, `${info.bytes} bytes in cycle ${cycle}`);
      vm = await started(engine.resume({ id: 'cycles', template, link: await link(), dir: vmDir }));
    }
    await ping(vm);
    await vm.stop();
    const manifest = await readManifest(template);
    await verifyRam(template, manifest);
    assert.equal(await readFile(join(template, 'manifest.json'), 'utf8'), before);
  });

  it('refuses a template of another VMM, a damaged one, and an incomplete one', async () => {
    const copy = join(dir, 'damaged');
    const launch = async (id: string) => engine.launch({ id, template: copy, link: await link(), dir: await folder(id) });
    const fresh = async () => {
      await rm(copy, { recursive: true, force: true });
      await cp(template, copy, { recursive: true });
    };
    const manifestPath = join(copy, 'manifest.json');

    await fresh();
    const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as { machine: Record<string, string> };
    manifest.machine['vmm'] = 'QEMU 6.0.0';
    await writeFile(manifestPath, JSON.stringify(manifest));
    await assert.rejects(launch('other-vmm'), (error: Error) => error instanceof SnapshotRefusedError && error.message.includes('QEMU 6.0.0'));

    await fresh();
    const state = await readFile(join(copy, 'device-state'));
    state[100] = (state[100] ?? 0) ^ 1;
    await writeFile(join(copy, 'device-state'), state);
    await assert.rejects(launch('damaged-state'), (error: Error) => error instanceof SnapshotRefusedError && error.message.includes('damaged'));

    await fresh();
    await truncate(join(copy, 'ram'), 1024);
    await assert.rejects(launch('short-ram'), (error: Error) => error instanceof SnapshotRefusedError && error.message.includes('1024 bytes'));

    // After a reboot (another boot id) the RAM file is read in full before the first launch.
    await fresh();
    const ram = await open(join(copy, 'ram'), 'r+');
    await ram.write(Buffer.from('flipped'), 0, 7, 16 * 1024 * 1024);
    await ram.close();
    await writeFile(join(copy, 'verified'), 'an earlier boot');
    await assert.rejects(launch('damaged-ram'), (error: Error) => error instanceof SnapshotRefusedError && error.message.includes('damaged'));

    await fresh();
    await rm(manifestPath);
    await assert.rejects(launch('no-manifest'), SnapshotRefusedError);

    await fresh();
    await writeFile(manifestPath, '{"magic":"something else"}');
    await assert.rejects(launch('other-file'), SnapshotRefusedError);
  });

  it('refuses to resume from damaged or truncated pages', async () => {
    const vmDir = await folder('bad-pages');
    const vm = await started(engine.launch({ id: 'bad-pages', template, link: await link(), dir: vmDir }));
    await ping(vm);
    await vm.suspend();
    const pages = join(vmDir, 'suspension', 'pages');
    const intact = await readFile(pages);
    const resume = async () => engine.resume({ id: 'bad-pages', template, link: await link(), dir: vmDir });
    const damaged = Buffer.from(intact);
    damaged[5] = (damaged[5] ?? 0) ^ 1;
    await writeFile(pages, damaged);
    await assert.rejects(resume(), SnapshotRefusedError);
    await writeFile(pages, intact.subarray(0, intact.length - 4096));
    await assert.rejects(resume(), SnapshotRefusedError);
    await writeFile(pages, intact);
    const layer = join(vmDir, 'disk0.0.qcow2');
    const { size } = await stat(layer);
    await truncate(layer, size - 1);
    await assert.rejects(resume(), SnapshotRefusedError);
    await truncate(layer, size);
    await ping(await started(resume()));
  });

  it('undoes a run after a resume, memory and disk alike, until it is settled', async () => {
    const vmDir = await folder('undo');
    const spec = async () => ({ id: 'undo', template, link: await link(), dir: vmDir });
    let vm = await started(engine.launch(await spec()));
    await ping(vm);
    await writeDisk(vm, 'first');
    await vm.suspend();
    for (const text of ['second', 'third']) {
      vm = await started(engine.resume(await spec()));
      await ping(vm);
      assert.equal(await readDisk(vm), 'first');
      await writeDisk(vm, text);
      await vm.stop();
      assert.equal(await engine.isSuspended(vmDir), true);
    }
    vm = await started(engine.resume(await spec()));
    await ping(vm);
    await writeDisk(vm, 'kept');
    await vm.settle();
    assert.equal(await engine.isSuspended(vmDir), false);
    await vm.suspend();
    vm = await started(engine.resume(await spec()));
    await ping(vm);
    assert.equal(await readDisk(vm), 'kept');
    await vm.stop();
  });

  it('compares the disk of a suspension at the first resume after a reboot', async () => {
    const vmDir = await folder('sealed');
    const vm = await started(engine.launch({ id: 'sealed', template, link: await link(), dir: vmDir }));
    await ping(vm);
    await writeDisk(vm, 'sealed');
    await vm.suspend();
    await engine.seal(vmDir, new AbortController().signal);
    const sealPath = join(vmDir, 'suspension', 'seal.json');
    const seal = JSON.parse(await readFile(sealPath, 'utf8')) as { bootId: string };
    await writeFile(sealPath, JSON.stringify({ ...seal, bootId: 'an earlier boot' }));
    const layer = join(vmDir, 'disk0.0.qcow2');
    const intact = await readFile(layer);
    const damaged = Buffer.from(intact);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    await writeFile(layer, damaged);
    const resume = async () => engine.resume({ id: 'sealed', template, link: await link(), dir: vmDir });
    await assert.rejects(resume(), (error: Error) => error instanceof SnapshotRefusedError && error.message.includes('sealed'));
    await writeFile(layer, intact);
    const resumed = await started(resume());
    await ping(resumed);
    assert.equal(await readDisk(resumed), 'sealed');
    await resumed.stop();
    const given = new AbortController();
    given.abort(new Error('needed again'));
    await assert.rejects(engine.seal(vmDir, given.signal), /needed again/);
  });

  it('keeps no more than three layers of a disk, however often it is suspended', async () => {
    const vmDir = await folder('layers');
    const spec = async () => ({ id: 'layers', template, link: await link(), dir: vmDir });
    let vm = await started(engine.launch(await spec()));
    for (let cycle = 0; cycle < 6; cycle++) {
      await ping(vm);
      await writeDisk(vm, `cycle ${cycle}`);
      await vm.suspend();
      vm = await started(engine.resume(await spec()));
      await vm.settle();
      const layers = (await readdir(vmDir)).filter((name) => name.endsWith('.qcow2'));
      assert.ok(layers.length <= 3, layers.join(' '));
    }
    await ping(vm);
    assert.equal(await readDisk(vm), 'cycle 5');
    await vm.stop();
  });

  it('adopts a VM that another engine started, and ends it', async () => {
    const vmDir = await folder('adopted');
    const own = await link();
    const first = await started(engine.launch({ id: 'adopted', template, link: own, dir: vmDir }));
    await ping(first);
    await writeDisk(first, 'by the first engine');
    first.detach();
    const survivors = await findVmms(runDir);
    assert.equal(survivors.get('adopted')?.pid, first.pid);
    const second = createQemuEngine({ ...guest, runDir, survivors });
    const linkAt = (path: string) => (path === own.netnsPath ? own : undefined);
    const adopted = await second.adopt({ id: 'adopted', template, dir: vmDir, linkAt });
    assert.ok(adopted !== undefined);
    assert.equal(await readDisk(adopted.vm), 'by the first engine');
    await adopted.vm.suspend();
    const resumed = await started(second.resume({ id: 'adopted', template, link: await link(), dir: vmDir }));
    await ping(resumed);
    assert.equal(await readDisk(resumed), 'by the first engine');
    resumed.detach();
    const third = createQemuEngine({ ...guest, runDir, survivors: await findVmms(runDir) });
    await third.endStrays();
    assert.equal((await findVmms(runDir)).size, 0);
  });
});
