/** One running VM: its VMM process, control socket, disks and link, and what can be done to it. */
import { readFile, rename, rm, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Fault } from '../../errors/index.js';
import type { Disk, SuspensionInfo, TemplateInfo, Vm, VmExit, VmSize, VmStats } from '../contracts.js';
import { hashFile, hashSparse } from '../snapshot/digest.js';
import { FILES, type MachinePin, writeManifest } from '../snapshot/manifest.js';
import { markVerified } from '../snapshot/verified.js';
import { preparePending, syncFile, writeSuspension } from '../snapshot/suspension.js';
import { virtualSize } from '../qcow2.js';
import { dialGuest } from './dial.js';
import type { VmmProcess } from './process.js';
import type { QmpClient } from './qmp.js';

export interface QemuVmParts {
  readonly id: string;
  readonly dir: string;
  readonly process: VmmProcess;
  readonly qmp: QmpClient;
  readonly controlSocket: string;
  readonly host: string;
  readonly size: VmSize;
  readonly disks: readonly Disk[];
  readonly pin: MachinePin;
  /** cold: its RAM file is its own. clone: RAM is a template's, mapped private. */
  readonly ram: { readonly kind: 'cold'; readonly path: string } | { readonly kind: 'clone'; readonly path: string; readonly templateDigest: string };
}

export class QemuVm implements Vm {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<VmExit>;

  constructor(private readonly parts: QemuVmParts) {
    this.id = parts.id;
    this.pid = parts.process.pid;
    this.exited = parts.process.exited.then(async (exit) => {
      parts.qmp.close();
      await rm(parts.controlSocket, { force: true });
      return exit;
    });
  }

  dial(port: number, signal?: AbortSignal): Promise<Socket> {
    return dialGuest(this.parts.host, port, signal);
  }

  async snapshot(target: string): Promise<TemplateInfo> {
    const { ram, qmp, disks, size, pin } = this.parts;
    if (ram.kind !== 'cold') throw new Fault('only a cold-booted VM becomes a template');
    const deviceState = join(target, FILES.deviceState);
    await qmp.command('stop');
    await qmp.command('xen-save-devices-state', { filename: deviceState, live: true });
    await this.stop();
    await rename(ram.path, join(target, FILES.ram));
    const hashed = await hashSparse(join(target, FILES.ram));
    await Promise.all([join(target, FILES.ram), deviceState, ...disks.map((disk) => disk.path)].map(syncFile));
    const stateBytes = (await stat(deviceState)).size;
    const diskStats = await Promise.all(disks.map((disk) => stat(disk.path)));
    await writeManifest(target, {
      magic: 'tardigrade-template',
      schema: 1,
      createdAt: new Date().toISOString(),
      machine: pin,
      size,
      disks: await Promise.all(disks.map(async (disk, i) => ({ ...disk, virtualBytes: await virtualSize(disk), fileBytes: diskStats[i]?.size ?? 0 }))),
      ram: { bytes: size.memoryMiB * 1024 * 1024, sha256: hashed.sha256 },
      deviceState: { bytes: stateBytes, sha256: await hashFile(deviceState) },
    });
    await markVerified(target);
    return {
      memoryBytes: hashed.nonZeroBytes,
      diskBytes: diskStats.reduce((sum, s) => sum + s.blocks * 512, 0),
      deviceStateBytes: stateBytes,
    };
  }

  async suspend(): Promise<SuspensionInfo> {
    const { ram, qmp, dir, disks } = this.parts;
    if (ram.kind !== 'clone') throw new Fault('only a clone is suspended; a cold-booted VM becomes a template');
    const deviceState = await preparePending(dir);
    await qmp.command('stop');
    try {
      await qmp.command('xen-save-devices-state', { filename: deviceState, live: true });
      const own = disks.map((disk) => disk.path).filter((path) => path.startsWith(dir));
      const info = await writeSuspension(dir, this.pid, ram.path, ram.templateDigest, own);
      await this.stop();
      return info;
    } catch (error) {
      // Deactivated disks are taken back by cont; if the VMM is gone this fails too and `exited` tells.
      await qmp.command('cont').catch((again: unknown) => {
        throw new AggregateError([error, again], 'suspend failed and the VM could not go on');
      });
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.parts.process.kill();
    await this.exited;
  }

  async stats(): Promise<VmStats> {
    const [statLine, rollup] = await Promise.all([readFile(`/proc/${this.pid}/stat`, 'utf8'), readFile(`/proc/${this.pid}/smaps_rollup`, 'utf8')]);
    // proc(5): utime and stime are fields 14 and 15, counted after the parenthesised name; 100 ticks a second.
    const fields = statLine.slice(statLine.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const kib = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    return { cpuSeconds: ticks / 100, privateBytes: kib * 1024 };
  }
}
