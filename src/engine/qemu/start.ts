/** Starts a VMM and waits for its control socket. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../errors/index.js';
import type { Link } from '../../network/contracts.js';
import type { Cgroups } from '../../cgroups/contracts.js';
import type { Accelerator, ObserveEngine } from '../contracts.js';
import { type CommandLine, JAILED, qemuArguments, RAM_PATH } from './commandline.js';
import { startConfined } from './confine.js';
import { FD, type Jail, largestFile, machineFiles } from './jail.js';
import { vmLimits } from './limits.js';
import type { Machine } from './machine.js';
import { startVmm, type VmmProcess } from './process.js';
import { QmpClient } from './qmp.js';
import type { QemuVmParts } from './vm.js';

/** What every VM of an engine shares. */
export interface Context {
  readonly machine: Machine;
  readonly accelerator: Accelerator;
  readonly jail: Jail;
  /** Absent: VMs are not limited. */
  readonly cgroups: Cgroups | undefined;
  readonly runDir: string;
  /** Of each disk of a VM; absent: no limit. */
  readonly diskBytesPerSecond: number | undefined;
  readonly observe: ObserveEngine;
  readonly log: (what: string, error: unknown) => void;
}

export interface StartSpec extends Pick<CommandLine, 'size' | 'disks' | 'ram' | 'kernel'> {
  readonly id: string;
  readonly dir: string;
  readonly link: Link;
  /** Device state for an incoming VM. */
  readonly stateFile?: string;
}

/** ms in which the exit of a VMM that has ended is known. */
const EXIT_TOLD_MS = 500;
/** A VMM that has not reached its control socket or finished loading by then is ended. */
const START_LIMIT_MS = 60_000;

export const controlSocketOf = (runDir: string, id: string): string => join(runDir, `${id}.qmp`);
export const consoleLogOf = (dir: string): string => join(dir, 'console.log');
export const vmmLogOf = (dir: string): string => join(dir, 'vmm.log');

export async function startMachine(context: Context, spec: StartSpec): Promise<Omit<QemuVmParts, 'pin' | 'ram'>> {
  const { machine, observe, log, accelerator } = context;
  const { id, dir, link, size, disks, kernel } = spec;
  const controlSocket = controlSocketOf(context.runDir, id);
  const consoleLog = consoleLogOf(dir);
  const limits = vmLimits(size, accelerator);
  const [files, fileBytes] = await Promise.all([
    machineFiles(dir, disks, kernel === undefined ? [] : [kernel.image, kernel.initramfs]),
    largestFile(size.memoryMiB * 1024 * 1024, disks),
  ]);
  const { process, moved } = await startConfined(context.cgroups, id, limits, (spawned) => startVmm({
    jail: context.jail,
    program: machine.program,
    args: qemuArguments({ machine, size, disks, kernel, diskBytesPerSecond: context.diskBytesPerSecond, ...JAILED, ram: { path: RAM_PATH, shared: spec.ram.shared }, link: { tap: { fd: FD.tap }, guestMac: link.guestMac } }),
    controlSocket, consoleLog, link, files, fileBytes,
    ram: spec.ram,
    kvm: accelerator === 'kvm',
    tasks: limits.tasks,
    log: vmmLogOf(dir),
    ...(spec.stateFile === undefined ? {} : { stateFile: spec.stateFile }),
  }, spawned));
  const giveUp = new AbortController();
  try {
    await observe('vmm-spawned', { id, pid: process.pid });
    const qmp = await withinLimit(process, QmpClient.connect(controlSocket, giveUp.signal));
    await moved;
    await observe('vmm-listens', { id, pid: process.pid });
    return { id, dir, process, qmp, controlSocket, consoleLog, host: link.host, size, disks, observe, log };
  } catch (error) {
    giveUp.abort();
    process.kill();
    await process.exited;
    throw error;
  }
}

/** The work's result, or an error as soon as the VMM ends or the limit passes. */
export async function withinLimit<T>(process: VmmProcess, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OperatorError(`the VMM was not up after ${START_LIMIT_MS / 1000} s; the host may be overloaded`)), START_LIMIT_MS);
  });
  const died = process.exited.then((exit): never => {
    const how = exit.outOfMemory === true ? 'out of memory, ended by the kernel' : (exit.signal ?? `exit code ${exit.code ?? '?'}`);
    throw new OperatorError(`the VMM ended at its start (${how}): ${exit.detail}`);
  });
  try {
    return await Promise.race([work, limit, died]);
  } catch (error) {
    // The end of a VMM may show as a broken connection first: its exit says why.
    await Promise.race([died, sleep(EXIT_TOLD_MS)]);
    throw error;
  } finally {
    clearTimeout(timer);
    died.catch(() => undefined); // raced: whoever owns the VM watches `exited`
    work.catch(() => undefined);
  }
}
