/** The VMM's argument list. A clone must be given the same machine, devices and order as its template's machine. */
import type { Disk, VmSize } from '../contracts.js';
import type { Link } from '../../network/contracts.js';
import { type Machine, VIRTIO_TRANSPORT } from './machine.js';

export interface CommandLine {
  readonly machine: Machine;
  readonly size: VmSize;
  readonly ram: { readonly path: string; readonly shared: boolean };
  readonly disks: readonly Disk[];
  readonly link: Pick<Link, 'tap' | 'guestMac'> | undefined;
  readonly controlSocket: string;
  readonly consoleLog: string;
  /** Cold boot; absent: the device state comes by `migrate-incoming`. */
  readonly kernel?: { readonly image: string; readonly initramfs: string; readonly extraCmdline?: string };
}

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
    '-qmp', `unix:${escape(c.controlSocket)},server=on,wait=off`,
    '-serial', `file:${escape(c.consoleLog)}`,
    ...c.disks.flatMap((disk, index) => diskArguments(disk, index)),
    ...(c.link === undefined ? [] : linkArguments(c.link)),
    '-object', 'rng-random,id=entropy,filename=/dev/urandom',
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
function diskArguments(disk: Disk, index: number): string[] {
  return [
    '-drive', `id=disk${index},if=none,file=${escape(disk.path)},format=${disk.format},cache=unsafe,aio=threads,discard=unmap,file.locking=off`,
    '-device', `virtio-blk-device,drive=disk${index}`,
  ];
}

function linkArguments(link: Pick<Link, 'tap' | 'guestMac'>): string[] {
  return [
    '-netdev', `tap,id=net0,ifname=${link.tap},script=no,downscript=no,vhost=off`,
    '-device', `virtio-net-device,netdev=net0,mac=${link.guestMac}`,
  ];
}

/** QEMU's option values end at a comma; a comma in a path is doubled. */
function escape(path: string): string {
  return path.replaceAll(',', ',,');
}
