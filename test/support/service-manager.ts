/** What a service manager has and Node has not: a listening socket that nobody accepts on, and a Unix datagram socket. */
import koffi from 'koffi';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, void *address, unsigned int length)');
const listen = libc.func('int listen(int fd, int backlog)');
const getsockname = libc.func('int getsockname(int fd, _Out_ void *address, _Inout_ unsigned int *length)');
const recv = libc.func('long recv(int fd, _Out_ void *buffer, size_t length, int flags)');
const close = libc.func('int close(int fd)');

/** With CLOEXEC: a child gets what it is given, and by that number alone. */
const [AF_UNIX, AF_INET, SOCK_STREAM, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 1 | 0o2000000, 2 | 0o2000000, 0x40];
const ok = (result: unknown): number => {
  if (typeof result !== 'number' || result < 0) throw new Error(`errno ${koffi.errno()}`);
  return result;
};

/** On a free port of 127.0.0.1. Connections wait in its backlog until a process that was given `fd` accepts them. */
export function listeningSocket(): { readonly fd: number; readonly port: number; close(): void } {
  const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
  const address = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  ok(bind(fd, address, address.length));
  ok(listen(fd, 128));
  ok(getsockname(fd, address, [address.length]));
  return { fd, port: address.readUInt16BE(2), close: () => void ok(close(fd)) };
}

/** `path`: of a file, or `@name` for an abstract socket. */
export function notifySocket(path: string): { received(): string[]; close(): void } {
  const fd = ok(socket(AF_UNIX, SOCK_DGRAM, 0));
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(path.replace(/^@/, '\0'))]);
  ok(bind(fd, address, address.length));
  return {
    received() {
      const messages: string[] = [];
      const buffer = Buffer.alloc(4096);
      for (let bytes = recv(fd, buffer, buffer.length, MSG_DONTWAIT) as number; bytes > 0; bytes = recv(fd, buffer, buffer.length, MSG_DONTWAIT) as number) messages.push(buffer.toString('utf8', 0, bytes));
      return messages;
    },
    close: () => void ok(close(fd)),
  };
}
