import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropChains, effectiveCapabilities, idsWithin, listenerInodes, meminfoBytes, mountOf, openFilesLimit, overlappingRoutes, swapPaths } from '../../../src/doctor/parse.js';

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,noatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /srv rw - xfs /dev/vdb rw
31 30 0:41 / /srv/my\\040data rw - btrfs /dev/vdc rw
32 27 0:42 / /srv rw - tmpfs tmpfs rw
`;

test('the mount of a path is the deepest one above it, and the last of several in one place', () => {
  for (const [path, fileSystem] of [['/', 'ext4'], ['/srvx', 'ext4'], ['/proc/1', 'proc'], ['/srv', 'tmpfs'], ['/srv/my data/x', 'btrfs'], ['/srv/my', 'tmpfs']] as const) {
    assert.equal(mountOf(MOUNTINFO, path)?.fileSystem, fileSystem, path);
  }
  assert.equal(mountOf('', '/'), undefined);
});

test('swap: a path for each line after the first', () => {
  assert.deepEqual(swapPaths('Filename\t\t\tType\t\tSize\n/dev/dm-1    partition 1024 0 -2\n/var/swap\\040file file 1 0 -3\n'), ['/dev/dm-1', '/var/swap file']);
  assert.deepEqual(swapPaths('Filename\t\t\tType\n'), []);
});

test('memory and limits; what is missing is said', () => {
  assert.equal(meminfoBytes('MemTotal:       1024 kB\nMemAvailable:  512 kB\n', 'MemAvailable'), 512 * 1024);
  assert.throws(() => meminfoBytes('', 'MemTotal'), /no MemTotal/);
  assert.equal(openFilesLimit('Max open files            20000                30000                files\n'), 20_000);
  assert.equal(openFilesLimit('Max open files            unlimited            unlimited            files\n'), Infinity);
  assert.throws(() => openFilesLimit('Max processes 1 1'), /Max open files/);
});

test('capabilities, all 64 bits of them', () => {
  assert.equal(effectiveCapabilities('CapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n'), (1n << 41n) - 1n);
  assert.throws(() => effectiveCapabilities('CapInh: 0'), /CapEff/);
});

test('ids within a range: users and groups by number, subordinate ranges that overlap', () => {
  const names = 'root:x:0:0:root:/root:/bin/bash\nedge:x:1000:1000::/:/bin/sh\nlast:x:1999:1::/:/bin/sh\nnext:x:2000:1::/:/bin/sh\n\nbuild:x:1500:\n';
  const subordinate = 'ann:100:900\nbob:100:901\neve:2000:10\nzoe:1999:1\n';
  assert.deepEqual(idsWithin(names, subordinate, 1000, 1000), ['edge (1000)', 'last (1999)', 'build (1500)', "bob's 100-1000", "zoe's 1999-1999"]);
  assert.deepEqual(idsWithin('', '', 0, 10), []);
});

test('routes overlap a range when either holds the other; the default route does not count', () => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
wg0\t000013C6\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
  assert.deepEqual(overlappingRoutes(table, '198.18.0.0/15'), [{ device: 'wg0', destination: '198.19.0.0/16' }]);
  assert.deepEqual(overlappingRoutes(table, '192.0.2.64/30'), [{ device: 'eth0', destination: '192.0.2.0/24' }]);
  assert.deepEqual(overlappingRoutes(table, '10.0.0.0/8'), []);
});

test('listeners on a port, not connections and not other ports', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:1CE8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 222 1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1
`;
  assert.deepEqual(listenerInodes(table, 7400), ['111']);
  assert.deepEqual(listenerInodes(table, 80), ['333']);
});

test('chains that drop what is forwarded, without ours', () => {
  const chain = (table: string, name: string, hook: string, policy: string): object => ({ chain: { family: 'ip', table, name, type: 'filter', hook, prio: 0, policy } });
  const ruleset = JSON.stringify({ nftables: [{ metainfo: {} }, { table: { name: 'filter' } }, chain('filter', 'FORWARD', 'forward', 'drop'), chain('filter', 'INPUT', 'input', 'drop'), chain('nat', 'FORWARD', 'forward', 'accept'), chain('tardigrade_ab', 'forward', 'forward', 'drop'), { chain: { family: 'ip', table: 'filter', name: 'USER' } }] });
  assert.deepEqual(dropChains(ruleset), [{ family: 'ip', table: 'filter', chain: 'FORWARD' }]);
  assert.deepEqual(dropChains('{}'), []);
});
