/**
 * The socket the kernel's log of packets comes from (nflog): the few calls that Node has no word for. A receive never
 * waits, and runs on a worker thread of libuv as Node's own file calls do.
 */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { OperatorError } from '../../errors/index.js';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, void *address, int size)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, void *value, int size)');
const sendto = libc.func('long send(int fd, void *message, unsigned long size, int flags)');
const recv = libc.func('long recv(int fd, void *message, unsigned long size, int flags)');
const close = libc.func('int close(int fd)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_NETFILTER = 12;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
/** Bytes the kernel keeps for us between two reads. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NFNL_SUBSYS_ULOG = 4;
const NFULNL_MSG_CONFIG = 1;
const NFULA_CFG_CMD = 1;
const NFULA_CFG_MODE = 2;
const BIND_GROUP = 1;
const COPY_PACKET = 2;

export interface LogSocket {
  /** One batch of netlink messages; undefined: none now. 'lost': the kernel had to drop some. */
  receive(): Promise<Buffer | 'lost' | undefined>;
  close(): void;
}

/** Joins a group; `bytes` of each packet are sent. Throws OperatorError when another process has the group. */
export function openLogSocket(group: number, bytes: number): LogSocket {
  const fd = checked('socket', socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER) as number);
  try {
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    checked('bind', bind(fd, address, address.length) as number);
    const size = Buffer.alloc(4);
    size.writeInt32LE(RECEIVE_BUFFER);
    checked('setsockopt', setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) as number);
    configure(fd, group, attribute(NFULA_CFG_CMD, Buffer.from([BIND_GROUP])));
    const mode = Buffer.alloc(6);
    mode.writeUInt32BE(bytes, 0);
    mode.writeUInt8(COPY_PACKET, 4);
    configure(fd, group, attribute(NFULA_CFG_MODE, mode));
  } catch (error) {
    close(fd);
    throw error;
  }
  const buffer = Buffer.alloc(128 * 1024);
  let closed = false;
  let receiving: Promise<unknown> = Promise.resolve();
  return {
    receive: () => {
      const received = new Promise<Buffer | 'lost' | undefined>((resolve, reject) => {
        if (closed) {
          resolve(undefined);
          return;
        }
        recv.async(fd, buffer, buffer.length, MSG_DONTWAIT, (error: Error | null, length: number) => {
          const code = error === null && length < 0 ? getSystemErrorName(-koffi.errno()) : undefined;
          if (error !== null) reject(error);
          else if (code === undefined) resolve(Buffer.from(buffer.subarray(0, length)));
          else if (code === 'EAGAIN' || code === 'EINTR') resolve(undefined);
          else if (code === 'ENOBUFS') resolve('lost');
          else reject(new OperatorError(`cannot read the log of connections: ${code}`));
        });
      });
      receiving = received.catch(() => undefined);
      return received;
    },
    close: () => {
      if (closed) return;
      closed = true;
      void receiving.then(() => void close(fd));
    },
  };
}

/** Waits for the kernel's answer, which is there when the call returns: netlink works within the send. */
function configure(fd: number, group: number, payload: Buffer): void {
  const message = Buffer.alloc(20 + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
  message.writeUInt16BE(group, 18);
  payload.copy(message, 20);
  checked('send', sendto(fd, message, message.length, 0) as number);
  const answer = Buffer.alloc(4096);
  checked('recv', recv(fd, answer, answer.length, MSG_DONTWAIT) as number);
  const errno = -answer.readInt32LE(16);
  if (errno !== 0) throw new OperatorError(`the log of connections cannot be had: nflog group ${group}: ${getSystemErrorName(-errno)}`);
}

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16LE(4 + value.length, 0);
  padded.writeUInt16LE(type, 2);
  value.copy(padded, 4);
  return padded;
}

function checked(call: string, result: number): number {
  if (result < 0) throw new OperatorError(`the log of connections cannot be had: ${call}: ${getSystemErrorName(-koffi.errno())}`);
  return result;
}
