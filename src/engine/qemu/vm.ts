/** One running VM: its VMM process, control socket, disks and link, and what can be done to it. */
import { chmod, copyFile, readFile, rename, rm, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Fault } from '../../errors/index.js';
import type { Disk, ObserveEngine, SuspensionInfo, TemplateInfo, Vm, VmExit, VmSize, VmStats, VmTrouble } from '../contracts.js';
import { hashFile, hashSparse } from '../snapshot/digest.js';
import { chainOf } from '../snapshot/layers.js';
import { FILES, type MachinePin, writeManifest } from '../snapshot/manifest.js';
import { markVerified } from '../snapshot/verified.js';
import { dropPending, preparePending, putInPlace, releaseSuspension, syncFile, writeSuspension } from '../snapshot/suspension.js';
import { virtualSize } from '../qcow2.js';
import { dialGuest } from './dial.js';
import { foldLayers, type Folding } from './fold.js';
import { savedStateOf } from './jail.js';
import { lastWords, type VmmProcess } from './process.js';
import type { QmpClient, QmpEvents } from './qmp.js';

export interface QemuVmParts {
  readonly id: string;
  readonly dir: string;
  readonly process: VmmProcess;
  readonly qmp: QmpClient;
  readonly controlSocket: string;
  readonly consoleLog: string;
  readonly host: string;
  readonly size: VmSize;
  readonly disks: readonly Disk[];
  readonly pin: MachinePin;
  readonly observe: ObserveEngine;
  readonly log: (what: string, error: unknown) => void;
  /** cold: its RAM file is its own. clone: RAM is a template's, mapped private. */
  readonly ram: { readonly kind: 'cold'; readonly path: string } | { readonly kind: 'clone'; readonly path: string; readonly templateDigest: string };
}

/** ms after which a guest that waits for room on the host's disk tries to write again. */
const DISK_FULL_RETRY_MS = 2_000;

export class QemuVm implements Vm {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<VmExit>;
  #folding: Folding | undefined;
  #guestEnded = false;
  #detached = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #troubled: ((trouble: VmTrouble) => void)[] = [];

  constructor(private readonly parts: QemuVmParts) {
    this.id = parts.id;
    this.pid = parts.process.pid;
    parts.qmp.on('SHUTDOWN', ({ guest }) => (this.#guestEnded ||= guest));
    parts.qmp.on('BLOCK_IO_ERROR', (error) => this.#onIoError(error));
    this.exited = parts.process.exited.then(async ({ code, signal, detail, outOfMemory }) => {
      clearTimeout(this.#retry);
      parts.qmp.close();
      if (!this.#detached) await rm(parts.controlSocket, { force: true });
      return this.#guestEnded
        ? { code, signal, cause: 'guest', detail: await lastWords(parts.consoleLog) }
        : { code, signal, cause: outOfMemory === true ? 'memory' : 'vmm', detail };
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
    await this.#saveDevices(deviceState);
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
    const { ram, qmp, dir, observe, id } = this.parts;
    if (ram.kind !== 'clone') throw new Fault('only a clone is suspended; a cold-booted VM becomes a template');
    const at = { id, pid: this.pid };
    // What the guest wrote since must not meet an older memory.
    await releaseSuspension(dir);
    await this.#folding?.cancel();
    const tops = this.#ownTops();
    const layers = { tops, all: (await Promise.all(tops.map(chainOf))).flat() };
    const deviceState = await preparePending(dir);
    await qmp.command('stop');
    let info: SuspensionInfo;
    try {
      await observe('guest-stopped', at);
      await this.#saveDevices(deviceState);
      await observe('state-saved', at);
      info = await writeSuspension(dir, { pid: this.pid, ramPath: ram.path, templateDigest: ram.templateDigest, layers });
      await observe('pages-written', at);
      await putInPlace(dir);
    } catch (error) {
      await this.#goOn(error);
      throw error;
    }
    await observe('suspension-in-place', at);
    await this.stop();
    await rm(savedStateOf(dir), { force: true });
    await observe('vmm-ended', at);
    return info;
  }

  /** The VMM can write the state to one file only, which stays its own: what is kept is a copy. */
  async #saveDevices(target: string): Promise<void> {
    const saved = savedStateOf(this.parts.dir);
    await this.parts.qmp.command('xen-save-devices-state', { filename: saved, live: true });
    await copyFile(saved, target);
    await chmod(target, 0o600);
  }

  /** After a suspend that failed. Deactivated disks are taken back by cont; if the VMM is gone this fails too and `exited` tells. */
  async #goOn(failure: unknown): Promise<void> {
    try {
      await releaseSuspension(this.parts.dir);
      await dropPending(this.parts.dir);
      await this.parts.qmp.command('cont');
    } catch (error) {
      throw new AggregateError([failure, error], 'suspend failed and the VM could not go on');
    }
  }

  async settle(): Promise<void> {
    const { dir, qmp, observe, id } = this.parts;
    await releaseSuspension(dir);
    await observe('suspension-released', { id, pid: this.pid });
    this.#folding = foldLayers(qmp, this.#ownTops(), (error) => this.parts.log('could not fold the disk layers of a VM', error));
  }

  async check(): Promise<void> {
    await this.parts.qmp.command('query-status');
  }

  onTrouble(listener: (trouble: VmTrouble) => void): void {
    this.#troubled.push(listener);
  }

  detach(): void {
    this.#detached = true;
    clearTimeout(this.#retry);
    this.parts.process.letGo();
    this.parts.qmp.close();
  }

  /** QEMU has stopped the guest when the host's disk is full, so that nothing it wrote is lost. */
  #onIoError({ action, nospace }: QmpEvents['BLOCK_IO_ERROR']): void {
    for (const listener of this.#troubled) listener(nospace === true ? 'disk-full' : 'io-error');
    if (action !== 'stop' || this.#detached) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.parts.qmp.command('cont').catch((error: unknown) => this.parts.log('a VM that waited for disk space could not go on', error));
    }, DISK_FULL_RETRY_MS);
  }

  /** The layers in the VM's own folder that the guest writes to. */
  #ownTops(): string[] {
    return this.parts.disks.map((disk) => disk.path).filter((path) => path.startsWith(`${this.parts.dir}/`));
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
