/**
 * A process that stands where a VMM stands: it holds the tap of a link, and carries its frames to and from a tap `eth0`
 * that it makes in a namespace where programs play the guest. Arguments: the two namespaces' paths, the tap's name, the
 * guest's MAC. Says `ready` when frames pass.
 */
import { constants, openSync, read, write } from 'node:fs';
import koffi from 'koffi';

const [linkNetns = '', guestNetns = '', tap = '', mac = ''] = process.argv.slice(2);
const libc = koffi.load(null);
const setns = libc.func('int setns(int fd, int type)');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');

const CLONE_NEWNET = 0x40000000;
const TUNSETIFF = 0x400454ca;
const IFF_TAP_NO_PI = 0x0002 | 0x1000;

function enter(path: string): void {
  if ((setns(openSync(path, 'r'), CLONE_NEWNET) as number) < 0) throw new Error(`cannot enter ${path}`);
}

function openTap(name: string): number {
  const fd = openSync('/dev/net/tun', constants.O_RDWR);
  const request = Buffer.alloc(40);
  request.write(name, 'latin1');
  request.writeUInt16LE(IFF_TAP_NO_PI, 16);
  if ((ioctl(fd, TUNSETIFF, request) as number) < 0) throw new Error(`cannot open tap ${name}`);
  return fd;
}

function carry(from: number, to: number): void {
  const buffer = Buffer.alloc(65_536);
  const next = (): void => read(from, buffer, 0, buffer.length, null, (error, length) => {
    if (error?.code === 'EIO' || error?.code === 'EAGAIN') return void setTimeout(next, 5); // the interface is down
    if (error !== null) throw error;
    // What the other side does not take is lost, as on a wire.
    write(to, buffer, 0, length, null, () => next());
  });
  next();
}

enter(linkNetns);
const outer = openTap(tap);
enter(guestNetns);
const inner = openTap('eth0');
const hardware = Buffer.alloc(40);
hardware.write('eth0', 'latin1');
hardware.writeUInt16LE(1, 16); // ARPHRD_ETHER
Buffer.from(mac.replaceAll(':', ''), 'hex').copy(hardware, 18);
const SIOCSIFHWADDR = 0x8924;
const socket = (libc.func('int socket(int domain, int type, int protocol)'))(2, 2, 0) as number;
if ((ioctl(socket, SIOCSIFHWADDR, hardware) as number) < 0) throw new Error('cannot set the MAC of eth0');
carry(outer, inner);
carry(inner, outer);
process.stdout.write('ready\n');
