/**
 * What can go wrong with a host and a guest: each has an end that is defined, a reason for people, a count for the
 * operator, and leaves nothing. The data folder is a small file system of its own, so that it can be full.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GetMicrovmCommand, ResumeMicrovmCommand, RunMicrovmCommand, SuspendMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { runDirOf } from '../../src/daemon/lock.js';
import { findVmms } from '../../src/engine/qemu/survivors.js';
import { buildImage, READY_ON_8080 } from './support/images.js';
import { reaches, type RunningVm, runVm } from './support/microvms.js';
import { residue } from './support/residue.js';
import { closeShared, type Service, startService } from './support/service.js';

const run = promisify(execFile);
const APP = fileURLToPath(new URL('../apps/saboteur', import.meta.url));
const MIB = 1024 * 1024;

describe('conditions', () => {
  let mount: string;
  let service: Service;
  let image: string;
  let template: string;

  before(async () => {
    await closeShared('now'); // this suite counts everything on the host
    mount = await mkdtemp(join(tmpdir(), 'conditions-'));
    // A file system with blocks of its own, as a disk has: on tmpfs even reading a hole of a file needs room.
    await run('truncate', ['-s', '3G', `${mount}.img`]);
    await run('mkfs.ext4', ['-q', '-m', '0', `${mount}.img`]);
    await run('mount', ['-o', 'loop', `${mount}.img`, mount]);
    service = await startService(join(mount, 'data'));
    const outcome = await buildImage(service, 'saboteur', await service.upload('app.zip', await zipFolder(APP)), { additionalOsCapabilities: ['ALL'], hooks: READY_ON_8080 });
    assert.equal(outcome.state, 'CREATED', outcome.log);
    image = outcome.imageArn;
    template = join(service.config.dataDir, 'images', service.config.accountId, 'saboteur', '1.0', 'template');
  });
  after(async () => {
    await service.daemon.close();
    await run('umount', [mount]);
    await rm(mount, { recursive: true });
    await rm(`${mount}.img`);
    const { vmms, launchers, namespaces, links, taps, loops, cgroups, nftTables } = await residue();
    assert.deepEqual({ vmms, launchers, namespaces, links, taps, loops, cgroups, nftTables }, { vmms: 0, launchers: 0, namespaces: 0, links: 0, taps: 0, loops: 0, cgroups: 0, nftTables: 0 });
  });

  const launch = (): Promise<RunningVm> => runVm(service, image);
  const get = async (id: string) => service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }));
  const answers = async (vm: RunningVm): Promise<void> => assert.equal((await vm.http.send('/')).status, 200);
  const count = async (kind: string): Promise<number> => {
    const page = await (await fetch(`${service.daemon.apiUrl}/metrics`)).text();
    return Number(new RegExp(`^tardigrade_microvm_faults_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(page)?.[1]);
  };
  /** `work` is counted as a fault of that kind. */
  const counted = async (kind: string, work: () => Promise<void>): Promise<void> => {
    const first = await count(kind);
    await work();
    assert.ok((await count(kind)) > first, `${kind} was counted`);
  };
  const ends = async (id: string, reason: RegExp): Promise<void> => {
    assert.match((await reaches(service, id, 'TERMINATED')) ?? '', reason);
    assert.equal((await residue(service)).vmFolders, 0);
  };
  /** Leaves that many bytes of the data folder's file system. */
  const fill = async (left: number): Promise<() => Promise<void>> => {
    const filler = join(mount, 'filler');
    // Blocks that were freed a moment ago are free with the next commit of the journal only: until nothing more fits.
    for (let size = -1, now = 0; size !== now; ) {
      size = now;
      await run('sync', ['-f', mount]);
      // To the last block: a launch needs no more than a few.
      for (const block of ['1M', '4k']) {
        await run('dd', ['if=/dev/zero', `of=${filler}`, `bs=${block}`, 'oflag=append', 'conv=notrunc,fsync']).catch(() => undefined); // ends when the disk is full
      }
      now = (await stat(filler)).size;
    }
    await truncate(filler, (await stat(filler)).size - left);
    return () => rm(filler, { force: true });
  };

  it('a VMM that is killed ends its MicroVM', () =>
    counted('vmm-killed', async () => {
      const vm = await launch();
      await answers(vm);
      const pid = (await findVmms(await runDirOf(service.config.dataDir))).get(vm.id)?.pid;
      process.kill(pid ?? 0, 'SIGKILL');
      await ends(vm.id, /^The virtual machine of the MicroVM ended unexpectedly\.$/);
      vm.http.close();
    }));

  it('a panic of the guest\'s kernel ends its MicroVM, with the kernel\'s words', () =>
    counted('guest-panic', async () => {
      const vm = await launch();
      await vm.http.send('/panic', { method: 'POST' });
      await ends(vm.id, /^The kernel of the MicroVM stopped\. Kernel panic - not syncing: sysrq triggered crash/);
      vm.http.close();
    }));

  it('an exit of the application ends its MicroVM', () =>
    counted('app-exited', async () => {
      const vm = await launch();
      await vm.http.send('/exit', { method: 'POST' });
      await ends(vm.id, /^Container Stopped with Exit Code: 7$/);
      vm.http.close();
    }));

  it('a full disk: a suspend fails and the guest runs on, and can be suspended once there is room', () =>
    counted('disk-full', async () => {
      const vm = await launch();
      await answers(vm);
      const empty = await fill(MIB / 2);
      await service.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: vm.id }));
      await reaches(service, vm.id, 'RUNNING');
      assert.match((await get(vm.id)).stateReason ?? '', /could not be suspended and runs on\. The disk of the host is full\./);
      await answers(vm);
      await empty();
      await vm.suspend();
      await answers(vm);
      assert.equal((await get(vm.id)).stateReason, undefined);
      await vm.terminate();
    }));

  it('a full disk: a guest that writes waits, and goes on once there is room', () =>
    counted('disk-full', async () => {
      const vm = await launch();
      await answers(vm);
      const before = await count('disk-full');
      const empty = await fill(8 * MIB);
      const writing = vm.http.send('/write?32', { method: 'POST' });
      while ((await count('disk-full')) === before) await pause(50);
      assert.equal((await get(vm.id)).state, 'RUNNING');
      await empty();
      assert.equal((await writing).status, 200);
      await vm.terminate();
    }));

  it('a full disk: a launch ends with that reason, or a run is refused', async () => {
    const empty = await fill(0);
    try {
      const id = await service.microvms.send(new RunMicrovmCommand({ imageIdentifier: image })).then(({ microvmId }) => microvmId, () => undefined);
      if (id !== undefined) {
        let state = 'PENDING';
        while (state === 'PENDING' || state === 'TERMINATING') {
          await pause(50);
          state = (await get(id)).state ?? '';
        }
        // The file system's last blocks may hold a launch after all.
        if (state === 'TERMINATED') await ends(id, /could not be launched. The disk of the host is full/);
        else await service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
      }
    } finally {
      await empty();
    }
    const vm = await launch();
    await answers(vm);
    await vm.terminate();
  });

  it('a template that is truncated, damaged or made by another VMM is not launched', async () => {
    const fails = async (kind: string, reason: RegExp): Promise<void> =>
      counted(kind, async () => {
        const { microvmId = '' } = await service.microvms.send(new RunMicrovmCommand({ imageIdentifier: image }));
        await ends(microvmId, reason);
      });
    const { size } = await stat(join(template, 'ram'));
    const state = join(template, 'device-state');
    await copyFile(state, `${state}.kept`);
    await truncate(state, 100);
    await fails('snapshot-damaged', /could not be launched\. The snapshot is damaged\./);
    await copyFile(`${state}.kept`, state);
    await truncate(join(template, 'ram'), size + 1);
    await fails('snapshot-damaged', /The snapshot is damaged\./);
    await truncate(join(template, 'ram'), size);
    const manifest = join(template, 'manifest.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace(/"vmm": "[^"]*"/, '"vmm": "QEMU 6.0.0"'));
    await fails('snapshot-mismatch', /The snapshot was made by another version of the virtual machine monitor or on another machine: build a new version/);
    await writeFile(manifest, text);
    const vm = await launch();
    await answers(vm);
    await vm.terminate();
  });

  it('a suspension that is damaged, or older than the VMM, is not resumed; it stays, and resumes once it is mended', async () => {
    const vm = await launch();
    await answers(vm);
    await vm.suspend();
    const fails = async (kind: string, reason: RegExp): Promise<void> =>
      counted(kind, async () => {
        await assert.rejects(service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id })));
        const { state, stateReason } = await get(vm.id);
        assert.equal(state, 'SUSPENDED');
        assert.match(stateReason ?? '', reason);
      });
    const pages = join(service.config.dataDir, 'microvms', vm.id, 'suspension', 'pages');
    const file = await open(pages, 'r+');
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 5000);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 5000);
    await fails('snapshot-damaged', /could not be resumed and is suspended as before\. The snapshot is damaged\./);
    await file.write(buffer, 0, 1, 5000);
    await file.close();
    const manifest = join(template, 'manifest.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace(/"vmm": "[^"]*"/, '"vmm": "QEMU 6.0.0"'));
    await fails('snapshot-mismatch', /another version of the virtual machine monitor/);
    await writeFile(manifest, text);
    await answers(vm);
    await vm.terminate();
  });

  it('a second daemon is kept off the folder, and one whose folder cannot be written says so', async () => {
    await assert.rejects(startService(service.config.dataDir), /another Tardigrade serves/);
    const readOnly = join(mount, 'read-only');
    await run('mkdir', [readOnly]);
    await run('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', readOnly]);
    try {
      await assert.rejects(startService(readOnly), /cannot lock the data folder .*It must be a folder this user can write/);
    } finally {
      await run('umount', [readOnly]);
    }
  });
});
