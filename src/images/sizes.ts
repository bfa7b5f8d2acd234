/** What `minimumMemoryInMiB` buys (spec §3.5). The guest sees the peak, from the start. */

export const DEFAULT_MEMORY_MIB = 2048;

/** One vCPU comes with this baseline memory. */
const MIB_PER_VCPU = 2048;

interface Size {
  readonly peakVcpus: number;
  readonly diskGiB: number;
}

const SIZES: ReadonlyMap<number, Size> = new Map([
  [512, { peakVcpus: 1, diskGiB: 8 }],
  [1024, { peakVcpus: 2, diskGiB: 8 }],
  [2048, { peakVcpus: 4, diskGiB: 8 }],
  [4096, { peakVcpus: 8, diskGiB: 16 }],
  [8192, { peakVcpus: 16, diskGiB: 32 }],
]);

export const MEMORY_SIZES_MIB: readonly number[] = [...SIZES.keys()];

export interface GuestSize {
  readonly memoryMiB: number;
  /** At most the host's CPUs: more would only add switching. Unknown: guest-vcpus */
  readonly vcpus: number;
  readonly diskGiB: number;
  /** Baseline vCPUs: the share of a busy host, 0.25 to 4. */
  readonly cpuWeight: number;
}

/** `memoryMiB` is one of {@link MEMORY_SIZES_MIB}, or absent for the default. */
export function guestSize(memoryMiB: number = DEFAULT_MEMORY_MIB, hostCpus: number): GuestSize {
  const size = SIZES.get(memoryMiB);
  if (size === undefined) throw new RangeError(`no such memory size: ${memoryMiB} MiB`);
  return { memoryMiB: memoryMiB * 4, vcpus: Math.max(1, Math.min(size.peakVcpus, hostCpus)), diskGiB: size.diskGiB, cpuWeight: memoryMiB / MIB_PER_VCPU };
}
