/**
 * What differs between host architectures and accelerators: the VMM's program, machine type, CPU model and the
 * guest kernel's command line. Everything here that shapes the machine is pinned in a template's manifest.
 */
import { Fault } from '../../errors/index.js';
import type { Accelerator, EngineInfo } from '../contracts.js';

export interface Machine {
  readonly program: string;
  /** Value of `-machine`, without accelerator and memory backend. */
  readonly type: string;
  readonly cpu: string;
  readonly accel: string;
  readonly kernelCmdline: string;
}

/** Devices the command line attaches; both machine types speak virtio-mmio. */
export const VIRTIO_TRANSPORT = ['-global', 'virtio-mmio.force-legacy=false'];

const COMMON_CMDLINE = 'panic=-1 quiet loglevel=3 mitigations=off init_on_alloc=0 random.trust_cpu=on rdinit=/init';

export function hostArchitecture(): EngineInfo['architecture'] {
  if (process.arch === 'x64') return 'x86_64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Fault(`no machine type for ${process.arch}: x64 and arm64 are supported`);
}

export function machineFor(architecture: EngineInfo['architecture'], accelerator: Accelerator): Machine {
  const accel = accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm';
  if (architecture === 'x86_64') {
    return {
      program: 'qemu-system-x86_64',
      // PIT and ACPI stay on: without them a guest under TCG can hang while it calibrates its clocks.
      type: 'microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off,suppress-vmdesc=on',
      cpu: accelerator === 'kvm' ? 'host' : 'max',
      accel,
      kernelCmdline: `console=ttyS0 reboot=t ${accelerator === 'tcg' ? 'tsc=unstable ' : ''}${COMMON_CMDLINE}`,
    };
  }
  return {
    program: 'qemu-system-aarch64',
    type: 'virt,gic-version=max,suppress-vmdesc=on',
    cpu: accelerator === 'kvm' ? 'host' : 'max',
    accel,
    kernelCmdline: `console=ttyAMA0 ${COMMON_CMDLINE}`,
  };
}
