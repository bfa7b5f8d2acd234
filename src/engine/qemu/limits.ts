/** What a VM may take of its host, by its size. */
import type { GroupLimits } from '../../cgroups/contracts.js';
import type { Accelerator, VmSize } from '../contracts.js';

const MIB = 1024 * 1024;
/**
 * QEMU itself: program, device emulation, buffers of its disks and network. Its page cache (disks are cached there) is
 * given back under pressure, and the template's pages are charged to whoever read them first.
 */
const VMM_BYTES = 256 * MIB;
/** Kernel memory that grows with the guest: page tables take 1/512 of what is mapped, twice as much to be safe. */
const PAGE_TABLE_SHARE = 1 / 256;
/** TCG keeps translated code in a buffer of 1 GiB at most (QEMU's default), and fills it over time. */
const TRANSLATION_BYTES = 1024 * MIB;
/** Besides the vCPUs: QEMU's own threads, which do disk and network I/O. */
const IO_CPUS = 0.5;
/** Threads besides the vCPUs: main loop, RCU, signals, up to 64 for disk I/O. */
const VMM_TASKS = 128;

/** A VM that names none competes with one CPU's weight. */
const DEFAULT_CPU_WEIGHT = 1;

export function vmLimits({ vcpus, memoryMiB, cpuWeight = DEFAULT_CPU_WEIGHT }: VmSize, accelerator: Accelerator): GroupLimits {
  const guestBytes = memoryMiB * MIB;
  return {
    cpuWeight,
    cpus: vcpus + IO_CPUS,
    memoryBytes: guestBytes + Math.ceil(guestBytes * PAGE_TABLE_SHARE) + VMM_BYTES + (accelerator === 'tcg' ? TRANSLATION_BYTES : 0),
    tasks: vcpus + VMM_TASKS,
  };
}
