/** The engine on QEMU: boot, launch and resume differ only in where RAM and device state come from. */
import { join } from 'node:path';
import { OperatorError } from '../../errors/index.js';
import type { Cgroups, GroupLimits } from '../../cgroups/contracts.js';
import type { BootSpec, Disk, Engine, EngineInfo, LaunchSpec, ResumeSpec, Vm, VmSize } from '../contracts.js';
import { createOverlay } from '../qcow2.js';
import { checkMachine, FILES, type MachinePin, readManifest, type TemplateManifest } from '../snapshot/manifest.js';
import { verifyOncePerBoot } from '../snapshot/verified.js';
import { openSuspension, type Suspension } from '../snapshot/suspension.js';
import type { Link } from '../../network/contracts.js';
import { qemuArguments } from './commandline.js';
import { startConfined } from './confine.js';
import { hostCpuDigest } from './host.js';
import { vmLimits } from './limits.js';
import { type Machine, machineFor } from './machine.js';
import { startVmm, type VmmProcess } from './process.js';
import { QmpClient } from './qmp.js';
import { QemuVm, type QemuVmParts } from './vm.js';

export interface QemuEngineOptions {
  readonly info: EngineInfo;
  readonly kernel: string;
  readonly initramfs: string;
  readonly tscKhz: number | undefined;
  /** Each VM has a group of its own, named by its id. Absent: VMs are not limited. */
  readonly cgroups?: Cgroups;
  /** Control sockets; short, as a Unix socket's path holds 107 bytes. */
  readonly runDir: string;
}

/** A VMM that has not reached its control socket or finished loading by then is ended. */
const START_LIMIT_MS = 60_000;

export function createQemuEngine(options: QemuEngineOptions): Engine {
  const { info } = options;
  const machine = machineFor(info.architecture, info.accelerator, options.tscKhz);

  let pin: Promise<MachinePin> | undefined;
  /** The same for as long as the host is up: read once, not on each launch. */
  const pinOf = (): Promise<MachinePin> =>
    (pin ??= hostCpuDigest().then((hostCpu) => ({
      vmm: info.vmm,
      accelerator: info.accelerator,
      architecture: info.architecture,
      type: machine.type,
      cpu: machine.cpu,
      hostCpu,
    })));

  const loadTemplate = async (dir: string): Promise<{ manifest: TemplateManifest; pin: MachinePin }> => {
    const [manifest, pin] = await Promise.all([readManifest(dir), pinOf()]);
    checkMachine(dir, manifest.machine, pin);
    await verifyOncePerBoot(dir, manifest);
    return { manifest, pin };
  };

  return {
    info: () => Promise.resolve(info),

    boot: async (spec: BootSpec): Promise<Vm> => {
      const ram = join(spec.dir, 'ram');
      const start = await startMachine({
        ...common(options, machine, spec.id, spec.dir, spec.link, spec.size, spec.disks),
        ram: { path: ram, shared: true },
        kernel: { image: options.kernel, initramfs: options.initramfs },
      });
      return new QemuVm({ ...start, pin: await pinOf(), ram: { kind: 'cold', path: ram } });
    },

    launch: async (spec: LaunchSpec): Promise<Vm> => {
      const { manifest, pin } = await loadTemplate(spec.template);
      const disks = await Promise.all(
        manifest.disks.map(async (backing, index): Promise<Disk> => {
          const given = spec.disks?.[index];
          if (given !== undefined) return given;
          const path = join(spec.dir, overlayName(index));
          await createOverlay(path, backing, backing.virtualBytes);
          return { path, format: 'qcow2' };
        }),
      );
      return startClone(options, machine, { ...spec, manifest, pin, disks, deviceState: join(spec.template, FILES.deviceState) });
    },

    resume: async (spec: ResumeSpec): Promise<Vm> => {
      const { manifest, pin } = await loadTemplate(spec.template);
      const suspension = await openSuspension(spec.dir, manifest.deviceState.sha256);
      const disks = manifest.disks.map((_, index): Disk => ({ path: join(spec.dir, overlayName(index)), format: 'qcow2' }));
      return startClone(options, machine, { ...spec, manifest, pin, disks, deviceState: suspension.deviceState, suspension });
    },
  };
}

const overlayName = (index: number): string => `disk${index}.qcow2`;

interface CloneSpec {
  readonly id: string;
  readonly template: string;
  readonly dir: string;
  readonly link: Link;
  readonly manifest: TemplateManifest;
  readonly pin: MachinePin;
  readonly disks: readonly Disk[];
  readonly deviceState: string;
  readonly suspension?: Suspension;
}

async function startClone(options: QemuEngineOptions, machine: Machine, spec: CloneSpec): Promise<Vm> {
  const ram = join(spec.template, FILES.ram);
  const start = await startMachine({
    ...common(options, machine, spec.id, spec.dir, spec.link, spec.manifest.size, spec.disks),
    ram: { path: ram, shared: false },
    stateFile: spec.deviceState,
  });
  const { suspension } = spec;
  let spent = false;
  try {
    // Before the device state, whose loading reads virtqueues from RAM.
    await suspension?.layPages(start.process.pid, ram);
    await suspension?.spend();
    spent = true;
    // The saved state says "running", so QEMU starts the vCPUs itself once it is loaded.
    const running = start.qmp.event('RESUME');
    await Promise.all([withinLimit(start.process, running), start.qmp.command('migrate-incoming', { uri: 'fd:3' })]);
  } catch (error) {
    // A VMM that could not load the state has ended by itself, and answers nothing.
    const ran = await start.qmp.command('query-status').then((status) => status.running, () => false);
    start.process.kill();
    await start.process.exited;
    if (spent && !ran) await suspension?.restore();
    throw error;
  }
  return new QemuVm({ ...start, pin: spec.pin, ram: { kind: 'clone', path: ram, templateDigest: spec.manifest.deviceState.sha256 } });
}

function common(options: QemuEngineOptions, machine: Machine, id: string, dir: string, link: Link, size: VmSize, disks: readonly Disk[]) {
  return { machine, cgroups: options.cgroups, limits: vmLimits(size, options.info.accelerator), id, dir, link, size, disks, controlSocket: join(options.runDir, `${id}.qmp`), consoleLog: join(dir, 'console.log') };
}

type StartSpec = Parameters<typeof qemuArguments>[0] & {
  readonly id: string;
  readonly dir: string;
  readonly link: Link;
  readonly cgroups: Cgroups | undefined;
  readonly limits: GroupLimits;
  readonly stateFile?: string;
};
type Started = Pick<QemuVmParts, 'id' | 'dir' | 'process' | 'qmp' | 'controlSocket' | 'host' | 'size' | 'disks'>;

async function startMachine(spec: StartSpec): Promise<Started> {
  const { process, moved } = await startConfined(spec.cgroups, spec.id, spec.limits, () => startVmm({
    program: spec.machine.program,
    args: qemuArguments(spec),
    netnsPath: spec.link.netnsPath,
    log: join(spec.dir, 'vmm.log'),
    ...(spec.stateFile === undefined ? {} : { stateFile: spec.stateFile }),
  }));
  const giveUp = new AbortController();
  try {
    const qmp = await withinLimit(process, QmpClient.connect(spec.controlSocket, giveUp.signal));
    await moved;
    return { id: spec.id, dir: spec.dir, process, qmp, controlSocket: spec.controlSocket, host: spec.link.host, size: spec.size, disks: spec.disks };
  } catch (error) {
    giveUp.abort();
    process.kill();
    await process.exited;
    throw error;
  }
}

/** The work's result, or an error as soon as the VMM ends or the limit passes. */
async function withinLimit<T>(process: VmmProcess, work: Promise<T>): Promise<T> {
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
  } finally {
    clearTimeout(timer);
    died.catch(() => undefined); // raced: whoever owns the VM watches `exited`
    work.catch(() => undefined);
  }
}

