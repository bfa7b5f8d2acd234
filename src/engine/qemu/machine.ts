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

/**
 * Under TCG the guest's TSC is the host's. A guest that measures it against the emulated PIT hangs whenever the host
 * is busy (6 of 6 boots here with three busy loops beside them, none of 8 when it is told the frequency), and without
 * a TSC it has a 4 ms clock and ticks when idle. So it is told.
 */
function tcgClock(tscKhz: number | undefined): string {
  return tscKhz === undefined ? 'tsc=unstable' : `tsc_early_khz=${tscKhz} tsc=reliable`;
}

/** `tscKhz`: the host's, when it is constant. */
export function machineFor(architecture: EngineInfo['architecture'], accelerator: Accelerator, tscKhz?: number): Machine {
  const accel = accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm';
  if (architecture === 'x86_64') {
    return {
      program: 'qemu-system-x86_64',
      // PIT and ACPI stay on: without them a guest under TCG can hang while it calibrates its clocks.
      type: 'microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off,suppress-vmdesc=on',
      cpu: accelerator === 'kvm' ? 'host' : 'max',
      accel,
      kernelCmdline: `console=ttyS0 reboot=t no_timer_check ${accelerator === 'tcg' ? `${tcgClock(tscKhz)} ` : ''}${COMMON_CMDLINE}`,
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
