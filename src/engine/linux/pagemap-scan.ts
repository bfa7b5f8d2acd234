/**
 * PAGEMAP_SCAN (Linux ≥ 6.7, include/uapi/linux/fs.h): the kernel walks the page tables itself and answers the ranges
 * of pages that are as asked for, so the cost follows the pages that are there, not the size of the mapping.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { addressOfBuffer, ioctl } from './libc.js';

/** _IOWR('f', 16, struct pm_scan_arg); 96 bytes. */
const PAGEMAP_SCAN = 0xc0606610;
const ARGUMENT_BYTES = 96;
const REGION = { bytes: 24, start: 0, end: 8 };
/** Room for one answer; more are asked for again. */
const REGIONS = 4096;

const PAGE_IS = { file: 1n << 2n, present: 1n << 3n, swapped: 1n << 4n };

export interface AddressRange {
  readonly start: number;
  readonly end: number; // exclusive
}

/**
 * Ranges of anonymous pages, present or swapped, of an open /proc/PID/pagemap, ascending; neighbours may touch.
 * Rejects with LibcError, code ENOTTY or EINVAL, where the kernel does not know the call.
 */
export function scanAnonymous(pagemap: FileHandle, range: AddressRange): Promise<AddressRange[]> {
  // category_inverted makes "file" mean "not file" in the mask.
  return scan(pagemap, range, { inverted: PAGE_IS.file, all: PAGE_IS.file, any: PAGE_IS.present | PAGE_IS.swapped });
}

/** Ranges of pages that the process has touched, its own and the file's: those, and what the kernel mapped around them. */
export function scanPresent(pagemap: FileHandle, range: AddressRange): Promise<AddressRange[]> {
  return scan(pagemap, range, { inverted: 0n, all: PAGE_IS.present, any: 0n });
}

interface Wanted {
  readonly inverted: bigint;
  readonly all: bigint;
  readonly any: bigint;
}

async function scan(pagemap: FileHandle, { start, end }: AddressRange, wanted: Wanted): Promise<AddressRange[]> {
  const found: AddressRange[] = [];
  const regions = Buffer.alloc(REGIONS * REGION.bytes);
  const argument = Buffer.alloc(ARGUMENT_BYTES);
  for (let next = start; next < end; ) {
    const members = [
      BigInt(ARGUMENT_BYTES), 0n, BigInt(next), BigInt(end), 0n, // size, flags, start, end, walk_end
      addressOfBuffer(regions), BigInt(REGIONS), 0n, // vec, vec_len, max_pages
      wanted.inverted, wanted.all, wanted.any, 0n, // category_inverted, category_mask, category_anyof_mask, return_mask
    ];
    members.forEach((value, index) => argument.writeBigUInt64LE(value, index * 8));
    const count = await ioctl(pagemap.fd, PAGEMAP_SCAN, argument);
    for (let i = 0; i < count; i++) {
      const at = (member: number): number => Number(regions.readBigUInt64LE(i * REGION.bytes + member));
      found.push({ start: at(REGION.start), end: at(REGION.end) });
    }
    // Not by walk_end, which Linux 6.18 leaves in the middle of a walk that found more than 512 regions and is complete.
    if (count < REGIONS) break;
    next = found.at(-1)?.end ?? end;
  }
  return found;
}

let supported: Promise<boolean> | undefined;

/** Whether this kernel has it: asked once, of an empty range of ourselves. */
export function canScan(): Promise<boolean> {
  return (supported ??= probe());
}

async function probe(): Promise<boolean> {
  const pagemap = await open('/proc/self/pagemap', 'r');
  try {
    await scanAnonymous(pagemap, { start: 0, end: 1 << 20 });
    return true;
  } catch {
    return false; // an older kernel, or one that filters the call: the linear scan does the same
  } finally {
    await pagemap.close();
  }
}
