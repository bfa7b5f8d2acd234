/**
 * Tells the service manager how the daemon is: sd_notify(3), one datagram to $NOTIFY_SOCKET. Node has no Unix datagrams,
 * and a helper program would be another process than the one systemd listens to (NotifyAccess=main), so the C library is
 * called. A datagram to a local socket does not wait.
 */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
/** sizeof sun_path */
const PATH_BYTES = 108;
const US_PER_MS = 1000;

export interface ServiceManager {
  /** e.g. `READY=1`; several are separated by newlines. */
  tell(state: string): void;
  /** Says at half the time it asked for that the event loop turns, until the answer is called. */
  startWatchdog(): () => void;
}

/** Without a manager, all of it does nothing. `failed`: a state could not be told. */
export function createServiceManager(env: NodeJS.ProcessEnv, failed: (error: Error) => void): ServiceManager {
  const path = env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return { tell: () => undefined, startWatchdog: () => () => undefined };
  const address = addressOf(path);
  const send = sender();
  const tell = (state: string): void => {
    const problem = address === undefined ? 'the path is too long' : send(address, Buffer.from(state));
    if (problem !== undefined) failed(new Error(`cannot tell the service manager at ${path}: ${problem}`));
  };
  return {
    tell,
    startWatchdog() {
      const microseconds = Number(env['WATCHDOG_USEC'] ?? '');
      const meant = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
      if (!meant || !Number.isInteger(microseconds) || microseconds <= 0) return () => undefined;
      const timer = setInterval(() => tell('WATCHDOG=1'), microseconds / US_PER_MS / 2);
      return () => clearInterval(timer);
    },
  };
}

/** struct sockaddr_un; `@` is an abstract socket. */
function addressOf(path: string): Buffer | undefined {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_BYTES) return undefined;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}

/** Answers what went wrong. */
function sender(): (address: Buffer, message: Buffer) => string | undefined {
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func('long sendto(int fd, void *message, size_t length, int flags, void *address, unsigned int addressLength)');
  const close = libc.func('int close(int fd)');
  return (address, message) => {
    const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
    if (fd < 0) return getSystemErrorName(-koffi.errno());
    const sent = sendto(fd, message, message.length, 0, address, address.length) as number;
    const problem = sent < 0 ? getSystemErrorName(-koffi.errno()) : undefined;
    close(fd);
    return problem;
  };
}
