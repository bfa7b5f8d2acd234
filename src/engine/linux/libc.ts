/**
 * The few calls of the C library that Node does not have. Each runs on a worker thread of libuv, as Node's own file
 * calls do, so none holds the event loop. Buffers given to a call must stay referenced until it resolves.
 */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

/** A call that failed: `code` as in Node's own system errors. */
export class LibcError extends Error {
  override readonly name = 'LibcError';

  constructor(
    call: string,
    readonly code: string,
  ) {
    super(`${call}: ${code}`);
  }
}

type Arguments = readonly (number | Buffer)[];

const libc = koffi.load(null);

function bind(prototype: string): (...args: Arguments) => Promise<number> {
  const native = libc.func(prototype);
  const { name } = native.info;
  return (...args) =>
    new Promise((resolve, reject) => {
      // koffi carries the worker's errno into the callback, and only there.
      native.async(...args, (error: Error | null, result: number) => {
        if (error !== null) reject(error);
        else if (result < 0) reject(new LibcError(name, getSystemErrorName(-koffi.errno())));
        else resolve(result);
      });
    });
}

/** ioctl(2) for requests whose argument is a structure. */
export const ioctl = bind('int ioctl(int fd, unsigned long request, void *argument)');

const VECTORS = 'void *local, unsigned long localCount, void *remote, unsigned long remoteCount, unsigned long flags';
/** Both answer the bytes moved: fewer than asked for when a remote page cannot be accessed. */
export const processVmReadv = bind(`long process_vm_readv(int pid, ${VECTORS})`);
export const processVmWritev = bind(`long process_vm_writev(int pid, ${VECTORS})`);

/** Answers 0 or an errno; it is a hint either way. */
export const posixFadvise = bind('int posix_fadvise(int fd, long offset, long length, int advice)');

const adjtimex = bind('int adjtimex(void *settings)');
/** sizeof(struct timex) is 208 on 64-bit Linux; all zero asks and changes nothing. */
const TIMEX_BYTES = 208;
const TIME_ERROR = 5;

/** Does the kernel hold its clock for synchronised? */
export async function clockSynchronised(): Promise<boolean> {
  return (await adjtimex(Buffer.alloc(TIMEX_BYTES))) !== TIME_ERROR;
}

/** What a structure that names the buffer holds. */
export function addressOfBuffer(buffer: Buffer): bigint {
  return koffi.address(buffer);
}
