/** The host's kernel: its version, what it was built with, and its control groups. */
import { type Check, type Feature, FEATURES, type Verdict } from '../contracts.js';
import { check, ok } from '../check.js';

/** First with the ioctl PAGEMAP_SCAN. */
const PAGEMAP_SCAN = { major: 6, minor: 7 };
/** First with all system calls that the jail makes (close_range with flags). */
const OLDEST = { major: 5, minor: 11 };

const WANTED: Readonly<Record<Feature, Verdict>> = {
  namespaces: { level: 'error', seen: 'the kernel has not all of mount, pid, net, ipc and uts namespaces', why: 'each VM is confined to its own', fix: 'use a distribution\'s kernel; in a container: --privileged' },
  seccomp: { level: 'error', seen: 'the kernel has no seccomp filters', why: 'QEMU refuses to start with its sandbox on', fix: 'use a kernel with CONFIG_SECCOMP_FILTER' },
  tun: { level: 'error', seen: 'there is no /dev/net/tun', why: 'each guest has a tap', fix: 'modprobe tun; in a container: --device /dev/net/tun' },
  nftables: { level: 'error', seen: 'nft cannot read the ruleset', why: 'the rules that keep guests apart are nftables rules', fix: 'apt-get install nftables; modprobe nf_tables; in a container: --cap-add NET_ADMIN' },
  'pivot-root': { level: 'error', seen: 'the root is the initramfs', why: 'each VM is given another root by pivot_root, which the kernel refuses there', fix: 'boot with a root on a file system' },
  overlay: { level: 'warning', seen: 'the kernel has no overlay file system', why: 'the managed base is imported with it', fix: 'modprobe overlay' },
  loop: { level: 'note', seen: 'there are no loop devices', why: 'only to look into a disk image by hand (mount -o loop)', fix: 'modprobe loop' },
};

const CONTROLLERS: Readonly<Record<string, string>> = {
  cpu: 'CPU time is not shared by size: one busy guest slows down the others',
  memory: 'a VMM may take more memory than its guest was given',
  pids: 'the number of a VMM\'s threads is not limited',
};

export const KERNEL: readonly Check[] = [
  check('kernel', 'kernel', (release) => {
    if (older(release, OLDEST)) return { level: 'error', seen: release, why: 'the jail of each VM needs Linux 5.11', fix: 'apt-get install linux-image-amd64, then reboot' };
    if (older(release, PAGEMAP_SCAN)) {
      return { level: 'note', seen: release, why: 'from Linux 6.7 on suspends find dirtied pages faster (PAGEMAP_SCAN), and templates have working sets', fix: 'install a newer kernel, on Debian 12 from backports: apt-get install -t bookworm-backports linux-image-amd64' };
    }
    return ok(release);
  }),

  check('kernel-features', 'features', (features) => {
    const missing = FEATURES.filter((feature) => !features[feature]);
    return missing.length === 0 ? ok(FEATURES.join(', ')) : missing.map((feature) => WANTED[feature]);
  }),

  check('cgroups', 'hierarchies', (hierarchies) => {
    const found = hierarchies.filter(({ controllers }) => controllers.length > 0);
    const there = new Set(found.flatMap(({ controllers }) => controllers));
    const seen = found.map(({ version, root, controllers }) => `${controllers.join(', ')} (v${version}, ${root})`).join('; ');
    const missing = Object.entries(CONTROLLERS).filter(([name]) => !there.has(name));
    if (missing.length === 0) return ok(seen);
    return missing.map(([name, why]) => ({
      level: 'warning' as const,
      seen: `no ${name} controller${seen === '' ? ': no control groups are mounted' : `; there are ${seen}`}`,
      why,
      fix: found.length === 0 ? 'mount -t cgroup2 none /sys/fs/cgroup' : `add cgroup_enable=${name} to the kernel's command line; in a container: --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup`,
    }));
  }),
];

/** A release without two leading numbers is taken as old: then it is told. */
function older(release: string, than: { major: number; minor: number }): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const [a, b] = [Number(major ?? 0), Number(minor ?? 0)];
  return a < than.major || (a === than.major && b < than.minor);
}
