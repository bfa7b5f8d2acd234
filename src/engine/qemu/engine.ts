/** The engine on QEMU: boot, launch and resume differ only in where RAM and device state come from. */
import { join } from 'node:path';
import type { Cgroups } from '../../cgroups/contracts.js';
import type { Adopted, AdoptSpec, BootSpec, Disk, Engine, EngineInfo, LaunchSpec, ObserveEngine, ResumeSpec, Vm } from '../contracts.js';
import { dropOtherLayers, firstLayer, nextLayer } from '../snapshot/layers.js';
import { checkMachine, FILES, type MachinePin, readManifest, type TemplateManifest } from '../snapshot/manifest.js';
import { sealDisks } from '../snapshot/seal.js';
import { verifyOncePerBoot } from '../snapshot/verified.js';
import { isSuspended, openSuspension, type Suspension } from '../snapshot/suspension.js';
import { WorkingSets } from '../snapshot/working-set.js';
import type { Link } from '../../network/contracts.js';
import { adoptVm } from './adopt.js';
import { hostCpuDigest } from './host.js';
import { FD, type Jail } from './jail.js';
import { machineFor } from './machine.js';
import { type Context, startMachine, withinLimit } from './start.js';
import { endVmm, type Vmm } from './survivors.js';
import { QemuVm } from './vm.js';

export interface QemuEngineOptions {
  readonly info: EngineInfo;
  readonly kernel: string;
  readonly initramfs: string;
  readonly tscKhz: number | undefined;
  readonly jail: Jail;
  /** Each VM has a group of its own, named by its id. Absent: VMs are not limited. */
  readonly cgroups?: Cgroups;
  /** What each disk of a VM may read and write together. Absent: no limit. */
  readonly diskBytesPerSecond?: number | undefined;
  /** Control sockets; short, as a Unix socket's path holds 107 bytes. */
  readonly runDir: string;
  /** VMMs that an earlier daemon left, by the ids of their VMs. */
  readonly survivors?: ReadonlyMap<string, Vmm>;
  readonly observe?: ObserveEngine;
  /** What went wrong without anyone waiting for it. */
  readonly log?: (what: string, error: unknown) => void;
}

export function createQemuEngine(options: QemuEngineOptions): Engine {
  const { info } = options;
  const machine = machineFor(info.architecture, info.accelerator, options.tscKhz);
  const context: Context = {
    machine, accelerator: info.accelerator, jail: options.jail, cgroups: options.cgroups, runDir: options.runDir, diskBytesPerSecond: options.diskBytesPerSecond,
    observe: options.observe ?? (() => undefined), log: options.log ?? (() => undefined),
  };
  const workingSets = new WorkingSets();

  const survivors = new Map(options.survivors);
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

  const loadTemplate = async (dir: string): Promise<TemplateManifest> => {
    const [manifest, here] = await Promise.all([readManifest(dir), pinOf()]);
    checkMachine(dir, manifest.machine, here);
    await verifyOncePerBoot(dir, manifest);
    return manifest;
  };

  return {
    info: () => Promise.resolve(info),

    boot: async (spec: BootSpec): Promise<Vm> => {
      const ram = join(spec.dir, 'ram');
      const parts = await startMachine(context, {
        ...spec,
        ram: { path: ram, shared: true },
        kernel: { image: options.kernel, initramfs: options.initramfs },
      });
      return new QemuVm({ ...parts, pin: await pinOf(), ram: { kind: 'cold', path: ram } });
    },

    launch: async (spec: LaunchSpec): Promise<Vm> => {
      workingSets.prefetch(spec.template);
      const manifest = await loadTemplate(spec.template);
      const disks = await Promise.all(
        manifest.disks.map(async (backing, index): Promise<Disk> => spec.disks?.[index] ?? firstLayer(spec.dir, index, backing, backing.virtualBytes)),
      );
      await context.observe('overlay-made', { id: spec.id });
      const vm = await startClone(context, { ...spec, manifest, disks, deviceState: join(spec.template, FILES.deviceState) });
      workingSets.observe(vm, spec.template);
      return vm;
    },

    resume: async (spec: ResumeSpec): Promise<Vm> => {
      workingSets.prefetch(spec.template);
      const manifest = await loadTemplate(spec.template);
      const suspension = await openSuspension(spec.dir, manifest.deviceState.sha256);
      // Layers of a resume that was undone hold what must never have happened.
      await dropOtherLayers(spec.dir, suspension.tops);
      const disks = await Promise.all(suspension.tops.map((top, index) => nextLayer(top, manifest.disks[index]?.virtualBytes ?? 0)));
      await context.observe('overlay-made', { id: spec.id });
      return startClone(context, { ...spec, manifest, disks, deviceState: suspension.deviceState, suspension });
    },

    adopt: async (spec: AdoptSpec): Promise<Adopted | undefined> => {
      const vmm = survivors.get(spec.id);
      survivors.delete(spec.id);
      return vmm === undefined ? undefined : adoptVm(context, spec, vmm);
    },
    endStrays: async () => {
      const strays = [...survivors.values()];
      survivors.clear();
      await Promise.all(strays.map(endVmm));
    },

    isSuspended,
    seal: sealDisks,
  };
}

interface CloneSpec {
  readonly id: string;
  readonly template: string;
  readonly dir: string;
  readonly link: Link;
  readonly manifest: TemplateManifest;
  readonly disks: readonly Disk[];
  readonly deviceState: string;
  readonly suspension?: Suspension;
}

async function startClone(context: Context, spec: CloneSpec): Promise<Vm> {
  const { suspension, manifest } = spec;
  const ram = join(spec.template, FILES.ram);
  const parts = await startMachine(context, { ...spec, size: manifest.size, ram: { path: ram, shared: false }, stateFile: spec.deviceState });
  const at = { id: spec.id, pid: parts.process.pid };
  try {
    // Before the device state, whose loading reads virtqueues from RAM.
    await suspension?.layPages(parts.process.pid, ram);
    await context.observe('pages-laid', at);
    // The saved state says "running", so QEMU starts the vCPUs itself once it is loaded.
    const running = parts.qmp.event('RESUME');
    await Promise.all([withinLimit(parts.process, running), parts.qmp.command('migrate-incoming', { uri: `fd:${FD.state}` })]);
    await context.observe('state-loaded', at);
  } catch (error) {
    parts.process.kill();
    await parts.process.exited;
    throw error;
  }
  return new QemuVm({ ...parts, pin: manifest.machine, ram: { kind: 'clone', path: ram, templateDigest: manifest.deviceState.sha256 } });
}
