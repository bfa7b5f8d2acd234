/**
 * Checksums of snapshot files. A RAM file is mostly holes: only its data is read, so that many GiB cost what they hold.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const CHUNK = 1024 * 1024;

export interface SparseDigest {
  readonly sha256: string;
  readonly nonZeroBytes: number; // in chunks of 1 MiB
}

/**
 * sha256 over the file's non-zero chunks, each preceded by its position: the same for equal content, wherever the
 * holes are.
 */
export async function hashSparse(path: string, signal?: AbortSignal): Promise<SparseDigest> {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK);
  const zeros = Buffer.alloc(CHUNK);
  const position = Buffer.alloc(8);
  let nonZeroBytes = 0;
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    for await (const offset of dataChunks(path, size)) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, CHUNK, offset);
      const data = chunk.subarray(0, bytesRead);
      if (data.compare(zeros, 0, bytesRead) === 0) continue;
      position.writeBigUInt64LE(BigInt(offset));
      hash.update(position).update(data);
      nonZeroBytes += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), nonZeroBytes };
}

export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  return (await hashSparse(path, signal)).sha256;
}

const extents = z.array(z.object({ start: z.number(), length: z.number(), data: z.boolean() }));

/** Below this a file is read whole: asking for its holes costs a process. */
const MAP_FROM_BYTES = 64 * CHUNK;

/** Offsets of the chunks that may hold data, ascending, each once. Node has no SEEK_DATA; qemu-img tells the holes. */
async function* dataChunks(path: string, size: number): AsyncGenerator<number> {
  const map =
    size < MAP_FROM_BYTES
      ? [{ start: 0, length: size, data: true }]
      : extents.parse(JSON.parse((await promisify(execFile)('qemu-img', ['map', '--output=json', '-f', 'raw', '-U', path], { maxBuffer: 256 * CHUNK })).stdout));
  let next = 0;
  for (const { start, length, data } of map) {
    if (!data) continue;
    next = Math.max(next, Math.floor(start / CHUNK) * CHUNK);
    for (; next < start + length; next += CHUNK) yield next;
  }
}
