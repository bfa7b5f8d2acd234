/** The programs of the host that the service runs. */
import type { Check, Verdict } from '../contracts.js';
import { check, ok } from '../check.js';

export interface Program {
  readonly name: string;
  /** How it is asked for its version. */
  readonly args: readonly string[];
  /** Debian package. */
  readonly package: string;
  readonly use: string;
  /** Needed by each launch, or only to make assets and images. */
  readonly needed: 'always' | 'setup';
}

const EMULATOR: Readonly<Record<string, { name: string; package: string }>> = {
  x64: { name: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { name: 'qemu-system-aarch64', package: 'qemu-system-arm' },
};

export function programsOf(architecture: string): readonly Program[] {
  const emulator = EMULATOR[architecture];
  return [
    ...(emulator === undefined ? [] : [{ ...emulator, args: ['--version'], use: 'runs the guests', needed: 'always' as const }]),
    { name: 'ip', args: ['-V'], package: 'iproute2', use: 'makes namespaces and taps', needed: 'always' },
    { name: 'nft', args: ['--version'], package: 'nftables', use: 'keeps guests apart', needed: 'always' },
    { name: 'tc', args: ['-V'], package: 'iproute2', use: 'limits guests\' packets', needed: 'always' },
    { name: 'nsenter', args: ['--version'], package: 'util-linux', use: 'enters namespaces', needed: 'always' },
    { name: 'mmdebstrap', args: ['--version'], package: 'mmdebstrap', use: 'makes the base and the builder', needed: 'setup' },
    { name: 'buildah', args: ['--version'], package: 'buildah', use: 'imports the managed base', needed: 'setup' },
    { name: 'mkfs.ext4', args: ['-V'], package: 'e2fsprogs', use: 'makes disks', needed: 'setup' },
    { name: 'modprobe', args: ['--version'], package: 'kmod', use: 'finds the guest\'s kernel modules', needed: 'setup' },
    { name: 'cpio', args: ['--version'], package: 'cpio', use: 'packs the initramfs', needed: 'setup' },
    { name: 'go', args: ['version'], package: 'golang-go', use: 'builds the agent', needed: 'setup' },
    { name: 'apt-get', args: ['--version'], package: 'apt', use: 'downloads the guest kernel', needed: 'setup' },
  ];
}

export const PROGRAMS: readonly Check[] = [
  check('programs', 'programs', (versions) => Object.entries(versions).map(([name, version]) => verdict(name, version))),
];

function verdict(name: string, version: string | undefined): Verdict {
  const program = [...programsOf('x64'), ...programsOf('arm64')].find((one) => one.name === name);
  if (version !== undefined) return ok(version.includes(name) ? version : `${name}: ${version}`);
  return {
    level: program?.needed === 'setup' ? 'warning' : 'error',
    seen: `${name} is not installed`,
    why: program === undefined ? undefined : `it ${program.use}${program.needed === 'setup' ? ': what is made already goes on working' : ''}`,
    fix: `apt-get install ${program?.package ?? name}`,
  };
}
