/** The engine by itself: what it refuses to load, what it writes, how it ends. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createProgress } from '../../src/cli/progress.js';
import { loadConfig } from '../../src/config/config.js';
import { ensureGuest, type GuestAssets } from '../../src/daemon/assets.js';
import { type Engine, SnapshotRefusedError, SuspensionSpentError, type Vm } from '../../src/engine/contracts.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { readManifest, verifyRam } from '../../src/engine/snapshot/manifest.js';
import { createGuestAgent } from '../../src/guest/agent.js';
import { GUEST_NET, type Link, type LinkPool } from '../../src/network/contracts.js';
import { openLinkPool } from '../../src/network/pool.js';

const run = promisify(execFile);

describe('engine', () => {
  let dir: string;
  let guest: GuestAssets;
  let engine: Engine;
  let links: LinkPool;
  let template: string;
  const held: (() => Promise<void>)[] = [];

  const link = async (): Promise<Link> => {
    const one = await links.acquire({ internet: false });
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
  const ping = async (vm: Vm): Promise<void> => {
    const agent = createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal));
    await agent.waitUntilUp(AbortSignal.timeout(60_000));
    await agent.wake({ hostname: 'engine-test' });
  };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-engine-'));
    const config = loadConfig();
    guest = await ensureGuest(config, createProgress());
    const runDir = `/run/tardigrade/engine-test-${process.pid}`;
    await mkdir(runDir, { recursive: true });
    held.push(() => rm(runDir, { recursive: true }));
    links = await openLinkPool({ linkCidr: config.linkCidr, egressDeny: config.egressDeny, poolSize: 0, owner: runDir, logger: pino({ level: 'silent' }) });
    held.push(() => links.close());
    engine = createQemuEngine({ ...guest, runDir });
    const disk = join(dir, 'disk.raw');
    await writeFile(disk, 'on disk since the build');
    await truncate(disk, 64 * 1024 * 1024);
    const vm = await started(engine.boot({ id: 'boot', size: { memoryMiB: 512, vcpus: 1 }, disks: [{ path: disk, format: 'raw' }], link: await link(), dir: await folder('boot') }));
    await ping(vm);
    template = await folder('template');
    const info = await vm.snapshot(template);
    assert.ok(info.memoryBytes > 10_000_000 && info.memoryBytes < 512 * 1024 * 1024, `${info.memoryBytes} bytes of memory`);
  });
  after(async () => {
    for (const release of held.reverse()) await release();
    await rm(dir, { recursive: true, force: true });
  });

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
    const path = join(vmDir, 'disk0.qcow2');
    await run('qemu-img', ['check', path]);
    const { stdout } = await run('qemu-img', ['info', '--output=json', path]);
    const info = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([info['virtual-size'], info['full-backing-filename']], [64 * 1024 * 1024, join(dir, 'disk.raw')]);
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
    const resumed = await started(resume());
    await ping(resumed);
    // The guest ran on and was not suspended again: memory and disk no longer belong together.
    await resumed.stop();
    await assert.rejects(resume(), SuspensionSpentError);
  });
});
