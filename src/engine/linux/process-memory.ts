/**
 * Pages of another process, many places at a time: process_vm_readv(2) takes 1024 of them in one call, where reads of
 * /proc/PID/mem cost one call, and one turn of the thread pool, for each.
 */
import { Fault } from '../../errors/index.js';
import { addressOfBuffer, processVmReadv, processVmWritev } from './libc.js';

export interface Place {
  readonly address: number;
  readonly bytes: number;
}

/** Fills `target` from the places, at most 1024 (UIO_MAXIOV), one after the other; together they have its length. */
export function readPlaces(pid: number, places: readonly Place[], target: Buffer): Promise<void> {
  return transfer(processVmReadv, 'read from', pid, places, target);
}

/** Writes `source` to the places, one after the other; together they have its length. */
export function writePlaces(pid: number, places: readonly Place[], source: Buffer): Promise<void> {
  return transfer(processVmWritev, 'written to', pid, places, source);
}

async function transfer(call: typeof processVmReadv, what: string, pid: number, places: readonly Place[], buffer: Buffer): Promise<void> {
  if (places.length === 0) return;
  const local = vector([{ address: addressOfBuffer(buffer), bytes: buffer.length }]);
  const remote = vector(places.map(({ address, bytes }) => ({ address: BigInt(address), bytes })));
  const moved = await call(pid, local, 1, remote, places.length, 0);
  if (moved !== buffer.length) throw new Fault(`${moved} of ${buffer.length} bytes ${what} process ${pid}: it is going away`);
}

/** An array of struct iovec. */
function vector(parts: readonly { readonly address: bigint; readonly bytes: number }[]): Buffer {
  const result = Buffer.alloc(parts.length * 16);
  parts.forEach(({ address, bytes }, index) => {
    result.writeBigUInt64LE(address, index * 16);
    result.writeBigUInt64LE(BigInt(bytes), index * 16 + 8);
  });
  return result;
}
