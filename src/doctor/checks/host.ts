/** The processor and who runs the program. */
import type { Check } from '../contracts.js';
import { check, ok } from '../check.js';

/** By their numbers in capabilities(7): what the launcher of the jail and the networks cannot do without. */
const NEEDED_CAPABILITIES: Readonly<Record<string, number>> = {
  chown: 0, dac_override: 1, fowner: 3, kill: 5, setgid: 6, setuid: 7, setpcap: 8, net_admin: 12, sys_chroot: 18, sys_ptrace: 19, sys_admin: 21,
};

export const HOST: readonly Check[] = [
  check('root', 'user', (uid) =>
    uid === 0
      ? ok('runs as root')
      : { level: 'error', seen: `runs as user ${uid}`, why: 'network namespaces, taps, /dev/kvm and the jail of each VM need root', fix: 'sudo npx tardigrade doctor' }),

  check('capabilities', 'capabilities', (effective) => {
    const missing = Object.entries(NEEDED_CAPABILITIES).filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n).map(([name]) => name);
    if (missing.length === 0) return ok('all that are needed');
    return { level: 'error', seen: `without ${missing.join(', ')}`, why: 'jails, namespaces and taps cannot be made', fix: 'run as root; in a container: --privileged' };
  }),

  check('architecture', 'architecture', (architecture) => {
    if (architecture === 'x64') return ok('x86-64');
    if (architecture === 'arm64') return { level: 'note', seen: 'arm64', why: 'it is written for, but has not been run there' };
    return { level: 'error', seen: architecture, why: 'guests are x86-64 or arm64', fix: 'use an x86-64 host' };
  }),

  check('kvm', 'kvm', ({ device, wanted, verdict }) => {
    const level = wanted === 'kvm' ? 'error' : 'warning';
    const why = 'without KVM guests run under TCG, QEMU\'s software emulation: several times slower, and no security boundary by QEMU\'s own statement';
    if (wanted === 'tcg') return { level: 'note', seen: 'not used: TARDIGRADE_ACCELERATOR=tcg', why, fix: 'unset TARDIGRADE_ACCELERATOR' };
    if (device === 'absent') return { level, seen: 'there is no /dev/kvm', why, fix: 'modprobe kvm_intel || modprobe kvm_amd; in a VM, turn on nested virtualisation on its host' };
    if (device === 'closed') return { level, seen: '/dev/kvm may not be opened', why, fix: 'run as root, or in a container with --device /dev/kvm' };
    if (verdict === undefined) return { level: 'note', seen: '/dev/kvm is there; no guest has been tried under it yet', fix: 'npx tardigrade setup' };
    const when = verdict.thisBoot ? '' : ' (before this boot; the next start tries again)';
    if (verdict.works) return ok(`${verdict.reason}${when}`);
    return { level, seen: `${verdict.reason}${when}`, why, fix: 'use a host whose KVM runs an ordinary Linux guest (bare metal, or full nested virtualisation)' };
  }),
];
