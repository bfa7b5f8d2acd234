/** The VMM's argument list. A clone must be given the same machine, devices and order as its template's machine. */
import type { Disk, VmSize } from '../contracts.js';
import { FD } from './jail.js';
import { type Machine, VIRTIO_TRANSPORT } from './machine.js';

export interface CommandLine {
  readonly machine: Machine;
  readonly size: VmSize;
  readonly ram: { readonly path: string; readonly shared: boolean };
  readonly disks: readonly Disk[];
  /** Of each disk, reads and writes together; absent: no limit. */
  readonly diskBytesPerSecond?: number | undefined;
  readonly link: { readonly tap: Handed; readonly guestMac: string } | undefined;
  readonly control: Handed;
  readonly console: Handed;
  /** Cold boot; absent: the device state comes by `migrate-incoming`. */
  readonly kernel?: { readonly image: string; readonly initramfs: string; readonly extraCmdline?: string } | undefined;
}

/** Something QEMU makes or opens by name, or was started with. */
export type Handed = { readonly name: string } | { readonly fd: number };

/** In its jail QEMU opens none of these itself. */
export const JAILED = { control: { fd: FD.control }, console: { fd: FD.console } } as const;
/** What QEMU opens as its RAM: it is given the file that is meant, whatever the name. */
export const RAM_PATH = '/ram';

/**
 * reserve=off: a private mapping counts against the host's memory in full unless the kernel is told not to, and one larger
 * than the host (a guest sees four times its baseline) would be refused.
 */
export function qemuArguments(c: CommandLine): string[] {
  return [
    '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
    '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-machine', `${c.machine.type},memory-backend=ram`,
    '-accel', c.machine.accel,
    '-cpu', c.machine.cpu,
    '-smp', String(c.size.vcpus),
    '-m', `${c.size.memoryMiB}M`,
    '-object', `memory-backend-file,id=ram,size=${c.size.memoryMiB}M,mem-path=${escape(c.ram.path)},share=${c.ram.shared ? 'on' : 'off,reserve=off'}`,
    ...VIRTIO_TRANSPORT,
    // The state is saved by xen-save-devices-state, which writes no configuration section.
    '-global', 'migration.send-configuration=off',
    '-chardev', `socket,id=control,${'fd' in c.control ? `fd=${c.control.fd}` : `path=${escape(c.control.name)}`},server=on,wait=off`,
    '-mon', 'chardev=control,mode=control',
    ...consoleArguments(c.console),
    ...c.disks.flatMap((disk, index) => diskArguments(disk, index, c.diskBytesPerSecond)),
    ...(c.link === undefined ? [] : linkArguments(c.link)),
    // By getrandom(2).
    '-object', 'rng-builtin,id=entropy',
    '-device', 'virtio-rng-device,rng=entropy',
    ...(c.kernel === undefined
      ? ['-incoming', 'defer']
      : ['-kernel', c.kernel.image, '-initrd', c.kernel.initramfs, '-append', [c.machine.kernelCmdline, c.kernel.extraCmdline].filter(Boolean).join(' ')]),
  ];
}

/**
 * cache=unsafe: a VM's disk need not survive a host crash while the VM runs (its memory would not either);
 * suspend makes disk and memory durable together.
 */
function diskArguments(disk: Disk, index: number, bytesPerSecond: number | undefined): string[] {
  const limit = bytesPerSecond === undefined ? '' : `,throttling.bps-total=${bytesPerSecond}`;
  return [
    '-drive', `id=disk${index},if=none,file=${escape(disk.path)},format=${disk.format},cache=unsafe,aio=threads,discard=unmap,file.locking=off${limit}`,
    '-device', `virtio-blk-device,drive=disk${index}`,
  ];
}

function consoleArguments(console: Handed): string[] {
  if ('name' in console) return ['-serial', `file:${escape(console.name)}`];
  const { fd } = console;
  // append: else QEMU would take that flag from the descriptor, and leave a hole where the launcher has shortened the file.
  return ['-add-fd', `fd=${fd},set=${fd}`, '-chardev', `file,id=console,path=/dev/fdset/${fd},append=on`, '-serial', 'chardev:console'];
}

function linkArguments({ tap, guestMac }: { readonly tap: Handed; readonly guestMac: string }): string[] {
  return [
    '-netdev', `tap,id=net0,${'fd' in tap ? `fd=${tap.fd}` : `ifname=${tap.name},script=no,downscript=no`},vhost=off`,
    '-device', `virtio-net-device,netdev=net0,mac=${guestMac}`,
  ];
}

/** QEMU's option values end at a comma; a comma in a path is doubled. */
function escape(path: string): string {
  return path.replaceAll(',', ',,');
}
