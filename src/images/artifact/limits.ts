/** What a code artifact may be. AWS publishes no such limits; these keep one upload from filling the host. Unknown: artifact-limits */
export interface ArchiveLimits {
  /** The zip itself, in bytes. */
  readonly maxArchiveBytes: number;
  readonly maxEntries: number;
  /** All names together, in bytes: they are held in memory to find duplicates. */
  readonly maxNameBytes: number;
  /** All files unpacked, in bytes. */
  readonly maxTotalBytes: number;
  /** Unpacked bytes per byte of zip, once more than `ratioFloorBytes` would be unpacked. */
  readonly maxRatio: number;
  readonly ratioFloorBytes: number;
}

const MiB = 1024 ** 2;

export const ARCHIVE_LIMITS: ArchiveLimits = {
  maxArchiveBytes: 256 * MiB, // five times what Lambda takes as a direct zip upload; larger parts belong in the Dockerfile
  maxEntries: 100_000, // a large node_modules has about half of that
  maxNameBytes: 16 * MiB,
  maxTotalBytes: 4096 * MiB, // half of the smallest disk (8 GiB), so that a context always fits beside its copy in the image
  maxRatio: 200, // text compresses about 10 times, deflate at most 1032 times
  ratioFloorBytes: 64 * MiB, // below this a bomb does no harm
};
