/** Each check over hosts made up for it: the level, what was seen, and that whatever is wrong says why and how to mend it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHECKS, examine } from '../../../src/doctor/checks.js';
import { FEATURES, type Facts, type Finding, type Level } from '../../../src/doctor/contracts.js';

const GIB = 1024 ** 3;
const features = { namespaces: true, seccomp: true, tun: true, nftables: true, 'pivot-root': true, overlay: true, loop: true };
const disk = { use: 'data', path: '/data', fileSystem: 'ext4', freeBytes: 50 * GIB, inodes: 1e6, freeInodes: 9e5 } as const;
const api = { use: 'API', host: '127.0.0.1', port: 7400 } as const;
const v2 = { version: 2, root: '/sys/fs/cgroup', controllers: ['cpu', 'memory', 'pids'] } as const;

/** A host with nothing to find fault with. */
const GOOD: Facts = {
  user: { value: 0 },
  capabilities: { value: (1n << 41n) - 1n },
  architecture: { value: 'x64' },
  kvm: { value: { device: 'open', wanted: 'auto', verdict: { works: true, reason: 'a test guest booted under KVM', thisBoot: true } } },
  vulnerabilities: { value: { meltdown: 'Not affected', spectre_v2: 'Mitigation: Retpolines; STIBP: disabled' } },
  smt: { value: 'forceoff' },
  ksm: { value: '0' },
  swaps: { value: [] },
  memory: { value: { totalBytes: 64 * GIB, availableBytes: 60 * GIB, overcommit: 0 } },
  kernel: { value: '6.12.9-amd64' },
  features: { value: features },
  hierarchies: { value: [v2] },
  disks: { value: [disk, { ...disk, use: 'assets', path: '/assets' }] },
  dataFolder: { value: { path: '/data', exists: true, open: [], foreign: [] } },
  encryption: { value: { wanted: true, fileSystem: 'ext4', kernel: true } },
  vmmIds: { value: { first: 300_000, count: 65_536, taken: [] } },
  ports: { value: [api, { use: 'endpoints', host: '0.0.0.0', port: 7443 }] },
  programs: { value: { 'qemu-system-x86_64': 'QEMU emulator version 7.2.22', nft: 'nftables v1.0.6' } },
  clockSynchronised: { value: true },
  forwarding: { value: true },
  dropChains: { value: [] },
  linkRange: { value: { cidr: '198.18.0.0/15', routes: [] } },
  openFiles: { value: 65536 },
};

interface Case {
  readonly host: string;
  readonly check: string;
  readonly facts: Partial<Facts>;
  readonly level: Level;
  readonly seen: RegExp;
  readonly fix?: RegExp;
}

const kvm = (value: object): Partial<Facts> => ({ kvm: { value: { device: 'open', wanted: 'auto', ...value } } });
const failing = { works: false, reason: '/dev/kvm exists but a test guest hung for 15 s', thisBoot: true };
const memory = (value: object): Partial<Facts> => ({ memory: { value: { totalBytes: 64 * GIB, availableBytes: 60 * GIB, overcommit: 0, ...value } } });
const disks = (value: object): Partial<Facts> => ({ disks: { value: [{ ...disk, ...value }] } });
const port = (value: object): Partial<Facts> => ({ ports: { value: [{ ...api, ...value }] } });

const CASES: readonly Case[] = [
  { host: 'another user', check: 'root', facts: { user: { value: 1000 } }, level: 'error', seen: /user 1000/, fix: /^sudo / },
  { host: 'a container', check: 'capabilities', facts: { capabilities: { value: 0x00000000a80425fbn } }, level: 'error', seen: /^without net_admin, sys_ptrace, sys_admin$/, fix: /--privileged/ },
  { host: 'arm64', check: 'architecture', facts: { architecture: { value: 'arm64' } }, level: 'note', seen: /^arm64$/ },
  { host: 'a mainframe', check: 'architecture', facts: { architecture: { value: 's390x' } }, level: 'error', seen: /^s390x$/, fix: /x86-64/ },

  { host: 'no KVM', check: 'kvm', facts: kvm({ device: 'absent' }), level: 'warning', seen: /no \/dev\/kvm/, fix: /modprobe kvm_intel/ },
  { host: 'no KVM where it is demanded', check: 'kvm', facts: kvm({ device: 'absent', wanted: 'kvm' }), level: 'error', seen: /no \/dev\/kvm/ },
  { host: 'KVM closed to this user', check: 'kvm', facts: kvm({ device: 'closed' }), level: 'warning', seen: /may not be opened/, fix: /--device \/dev\/kvm/ },
  { host: 'KVM never tried', check: 'kvm', facts: kvm({}), level: 'note', seen: /no guest has been tried/, fix: /tardigrade setup/ },
  { host: 'KVM that runs no guest', check: 'kvm', facts: kvm({ verdict: failing }), level: 'warning', seen: /hung for 15 s$/ },
  { host: 'KVM that ran none before the last boot', check: 'kvm', facts: kvm({ verdict: { ...failing, thisBoot: false } }), level: 'warning', seen: /before this boot/ },
  { host: 'KVM demanded that runs no guest', check: 'kvm', facts: kvm({ wanted: 'kvm', verdict: failing }), level: 'error', seen: /hung/ },
  { host: 'TCG asked for', check: 'kvm', facts: kvm({ wanted: 'tcg' }), level: 'note', seen: /TARDIGRADE_ACCELERATOR=tcg/ },

  { host: 'no mitigation', check: 'mitigations', facts: { vulnerabilities: { value: { mds: 'Vulnerable', meltdown: 'Not affected' } } }, level: 'warning', seen: /^mds: Vulnerable$/, fix: /mitigations=off/ },
  { host: 'no microcode', check: 'mitigations', facts: { vulnerabilities: { value: { srso: 'Vulnerable: Safe RET, no microcode' } } }, level: 'warning', seen: /srso/, fix: /microcode/ },
  { host: 'SMT vulnerable beside a mitigation', check: 'mitigations', facts: { vulnerabilities: { value: { mds: 'Mitigation: Clear CPU buffers; SMT vulnerable' } } }, level: 'warning', seen: /SMT vulnerable/ },
  { host: 'SMT', check: 'smt', facts: { smt: { value: 'on' } }, level: 'warning', seen: /is on/, fix: /smt\/control/ },
  { host: 'no SMT', check: 'smt', facts: { smt: { value: 'notsupported' } }, level: 'ok', seen: /notsupported/ },

  { host: 'KSM', check: 'ksm', facts: { ksm: { value: '1' } }, level: 'warning', seen: /is on/, fix: /echo 2 > \/sys\/kernel\/mm\/ksm\/run/ },
  { host: 'plain swap', check: 'swap', facts: { swaps: { value: [{ path: '/dev/sda2', kind: 'disk', encrypted: false }] } }, level: 'warning', seen: /\/dev\/sda2/, fix: /^swapoff \/dev\/sda2/ },
  { host: 'encrypted swap and zram', check: 'swap', facts: { swaps: { value: [{ path: '/dev/dm-1', kind: 'disk', encrypted: true }, { path: '/dev/zram0', kind: 'memory', encrypted: false }] } }, level: 'ok', seen: /in memory or encrypted: \/dev\/dm-1, \/dev\/zram0/ },
  { host: 'a tiny host', check: 'memory', facts: memory({ totalBytes: GIB }), level: 'error', seen: /^1\.0 GiB/, fix: /4 GiB/ },
  { host: 'a small host', check: 'memory', facts: memory({ totalBytes: 3 * GIB, availableBytes: 2.5 * GIB }), level: 'warning', seen: /^3\.0 GiB/ },
  { host: 'a full host', check: 'memory', facts: memory({ availableBytes: GIB }), level: 'warning', seen: /1\.0 GiB available/, fix: /ps aux/ },
  { host: 'strict overcommit', check: 'memory', facts: memory({ overcommit: 2 }), level: 'error', seen: /overcommit_memory is 2/, fix: /sysctl -w/ },
  { host: 'few open files', check: 'open-files', facts: { openFiles: { value: 1024 } }, level: 'warning', seen: /1024/, fix: /ulimit -n/ },

  { host: 'Debian 12', check: 'kernel', facts: { kernel: { value: '6.1.0-56-amd64' } }, level: 'note', seen: /^6\.1\.0/, fix: /backports/ },
  { host: 'Linux 6.7', check: 'kernel', facts: { kernel: { value: '6.7.0' } }, level: 'ok', seen: /^6\.7\.0$/ },
  { host: 'Linux 5.11', check: 'kernel', facts: { kernel: { value: '5.11.0' } }, level: 'note', seen: /^5\.11/ },
  { host: 'Debian 11', check: 'kernel', facts: { kernel: { value: '5.10.0-30-amd64' } }, level: 'error', seen: /^5\.10/ },
  { host: 'an unreadable release', check: 'kernel', facts: { kernel: { value: 'custom' } }, level: 'error', seen: /^custom$/ },
  ...FEATURES.map((feature): Case => ({
    host: `no ${feature}`, check: 'kernel-features', facts: { features: { value: { ...features, [feature]: false } } },
    level: feature === 'overlay' ? 'warning' : feature === 'loop' ? 'note' : 'error', seen: /./, fix: /./,
  })),

  { host: 'no control groups', check: 'cgroups', facts: { hierarchies: { value: [] } }, level: 'warning', seen: /no control groups are mounted/, fix: /mount -t cgroup2/ },
  { host: 'cgroup v1', check: 'cgroups', facts: { hierarchies: { value: ['cpu', 'memory', 'pids'].map((name) => ({ version: 1 as const, root: `/sys/fs/cgroup/${name}`, controllers: [name] })) } }, level: 'ok', seen: /memory \(v1, \/sys\/fs\/cgroup\/memory\)/ },
  { host: 'hybrid without memory', check: 'cgroups', facts: { hierarchies: { value: [{ version: 1, root: '/sys/fs/cgroup/cpu', controllers: ['cpu'] }, { ...v2, controllers: ['pids'] }] } }, level: 'warning', seen: /^no memory controller; there are cpu \(v1/, fix: /cgroup_enable=memory/ },

  { host: 'a full disk', check: 'disk', facts: disks({ freeBytes: GIB }), level: 'error', seen: /1\.0 GiB free for data/, fix: /TARDIGRADE_DATA_DIR/ },
  { host: 'a filling disk', check: 'disk', facts: disks({ use: 'assets', freeBytes: 6 * GIB }), level: 'warning', seen: /6\.0 GiB/, fix: /TARDIGRADE_ASSETS_DIR/ },
  { host: 'no inodes left', check: 'disk', facts: disks({ freeInodes: 100 }), level: 'warning', seen: /100 inodes/ },
  { host: 'a file system that counts no inodes', check: 'disk', facts: disks({ inodes: 0, freeInodes: 0 }), level: 'ok', seen: /50\.0 GiB/ },
  { host: 'tmpfs', check: 'file-system', facts: disks({ fileSystem: 'tmpfs' }), level: 'warning', seen: /on tmpfs/, fix: /ext4/ },
  { host: 'NFS', check: 'file-system', facts: disks({ fileSystem: 'nfs4' }), level: 'warning', seen: /on nfs4/ },
  { host: 'ZFS', check: 'file-system', facts: disks({ fileSystem: 'zfs' }), level: 'note', seen: /on zfs/ },
  { host: 'no data folder yet', check: 'data-folder', facts: { dataFolder: { value: { path: '/d', exists: false, open: [], foreign: [] } } }, level: 'ok', seen: /first start/ },
  { host: 'an open data folder', check: 'data-folder', facts: { dataFolder: { value: { path: '/d', exists: true, open: ['/d', "/d/it's"], foreign: [] } } }, level: 'warning', seen: /^others than the owner may use \/d, /, fix: /^chmod go-rwx \/d '\/d\/it'\\''s'$/ },
  { host: 'a foreign data folder', check: 'data-folder', facts: { dataFolder: { value: { path: '/d', exists: true, open: [], foreign: ['/d'] } } }, level: 'warning', seen: /another user/, fix: /^chown root:root \/d$/ },

  { host: 'no encryption', check: 'encryption', facts: { encryption: { value: { wanted: false, fileSystem: 'ext4', kernel: true } } }, level: 'note', seen: /not encrypted/, fix: /TARDIGRADE_ENCRYPTION=1/ },
  { host: 'encryption on xfs', check: 'encryption', facts: { encryption: { value: { wanted: true, fileSystem: 'xfs', kernel: true } } }, level: 'error', seen: /on xfs/, fix: /ext4 or f2fs/ },
  { host: 'encryption without the kernel', check: 'encryption', facts: { encryption: { value: { wanted: true, fileSystem: 'ext4', kernel: false } } }, level: 'error', seen: /kernel/, fix: /CONFIG_FS_ENCRYPTION/ },
  { host: 'ids of VMMs in use', check: 'vmm-ids', facts: { vmmIds: { value: { first: 100_000, count: 1000, taken: ["ann's 100000-165535"] } } }, level: 'warning', seen: /100000-100999 are also those of ann's/, fix: /TARDIGRADE_VMM_IDS/ },

  { host: 'a port in use', check: 'ports', facts: port({ failure: 'EADDRINUSE', holder: { pid: 7, command: 'nginx: master process' } }), level: 'error', seen: /port 7400 .*process 7 \(nginx/, fix: /TARDIGRADE_API_PORT/ },
  { host: 'a port in use by whom is not known', check: 'ports', facts: port({ failure: 'EADDRINUSE' }), level: 'error', seen: /in use$/ },
  { host: 'the service running', check: 'ports', facts: port({ failure: 'EADDRINUSE', holder: { pid: 7, command: 'node dist/cli/main.js serve' } }), level: 'ok', seen: /served by Tardigrade \(process 7\)/ },
  { host: 'an address of another host', check: 'ports', facts: port({ host: '127.9.9.9', failure: 'EADDRNOTAVAIL' }), level: 'error', seen: /no such address/, fix: /TARDIGRADE_API_HOST/ },
  { host: 'a privileged port', check: 'ports', facts: port({ port: 80, failure: 'EACCES' }), level: 'error', seen: /EACCES/ },
  { host: 'any free port', check: 'ports', facts: port({ port: 0 }), level: 'ok', seen: /any free port/ },
  { host: 'the API open to a network', check: 'ports', facts: port({ host: '0.0.0.0' }), level: 'warning', seen: /listens on 0\.0\.0\.0:7400/, fix: /TLS proxy/ },
  { host: 'no forwarding', check: 'ip-forwarding', facts: { forwarding: { value: false } }, level: 'ok', seen: /turns it on/ },
  { host: 'Docker beside it', check: 'firewall', facts: { dropChains: { value: [{ family: 'ip', table: 'filter', chain: 'FORWARD' }] } }, level: 'warning', seen: /ip table filter: chain FORWARD/, fix: /^nft insert rule ip filter FORWARD iifname "tdg\*" accept/ },
  { host: 'older iptables', check: 'firewall', facts: { dropChains: { value: [{ family: 'iptables', table: 'filter', chain: 'FORWARD' }] } }, level: 'warning', seen: /chain FORWARD/, fix: /^iptables -I FORWARD/ },
  { host: 'the links\' range in use', check: 'link-range', facts: { linkRange: { value: { cidr: '10.0.0.0/8', routes: [{ destination: '10.1.0.0/16', device: 'wg0' }] } } }, level: 'error', seen: /10\.1\.0\.0\/16 \(wg0\)/, fix: /TARDIGRADE_LINK_CIDR/ },
  { host: 'a clock left to itself', check: 'clock', facts: { clockSynchronised: { value: false } }, level: 'warning', seen: /not synchronised/, fix: /timedatectl/ },

  { host: 'no QEMU', check: 'programs', facts: { programs: { value: { 'qemu-system-x86_64': undefined } } }, level: 'error', seen: /qemu-system-x86_64 is not installed/, fix: /^apt-get install qemu-system-x86$/ },
  { host: 'no Go', check: 'programs', facts: { programs: { value: { go: undefined } } }, level: 'warning', seen: /go is not installed/, fix: /^apt-get install golang-go$/ },
];

/** The worst of what a check found. */
function worst(findings: readonly Finding[]): Finding {
  const order: readonly Level[] = ['ok', 'note', 'warning', 'error'];
  const [first] = findings.toSorted((a, b) => order.indexOf(b.level) - order.indexOf(a.level));
  assert.ok(first !== undefined, 'the check says nothing');
  return first;
}

describe('checks of the host', () => {
  test('a good host: every check says ok', () => {
    const findings = examine(GOOD);
    assert.deepEqual(findings.filter(({ level }) => level !== 'ok'), []);
    assert.deepEqual(CHECKS.map(({ name }) => name).filter((name) => !findings.some(({ check }) => check === name)), []);
  });

  for (const { host, check, facts, level, seen, fix } of CASES) {
    test(`${check}: ${host}`, () => {
      const findings = examine({ ...GOOD, ...facts });
      const found = worst(findings.filter((finding) => finding.check === check));
      assert.equal(found.level, level);
      assert.match(found.seen, seen);
      if (fix !== undefined) assert.match(found.fix ?? '', fix);
      if (level === 'warning' || level === 'error') {
        assert.notEqual(found.why ?? '', '');
        assert.notEqual(found.fix ?? '', '');
      }
      // One fact changed: only the checks of that fact may say otherwise.
      const elsewhere = findings.filter((finding) => finding.level !== 'ok' && finding.check !== check);
      assert.deepEqual(elsewhere, []);
    });
  }

  test('every check has a case in which it does not say ok, but one that cannot', () => {
    const tried = new Set(CASES.filter(({ level }) => level !== 'ok').map(({ check }) => check));
    assert.deepEqual(CHECKS.map(({ name }) => name).filter((name) => !tried.has(name)), ['ip-forwarding']);
  });

  test('facts that cannot be read are notes that say why', () => {
    const names = Object.keys(GOOD) as (keyof Facts)[];
    const findings = examine(Object.fromEntries(names.map((name) => [name, { unknown: `EACCES ${name}` }])) as unknown as Facts);
    assert.equal(findings.length, CHECKS.length);
    for (const finding of findings) {
      assert.equal(finding.level, 'note');
      assert.match(finding.seen, /^could not be read: EACCES /);
    }
  });

  test('docs/doctor.md has a row for each check, in their order', async () => {
    const page = await readFile(fileURLToPath(new URL('../../../docs/doctor.md', import.meta.url)), 'utf8');
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
    assert.deepEqual(rows, CHECKS.map(({ name }) => name));
  });
});
