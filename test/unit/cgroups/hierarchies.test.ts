import assert from 'node:assert/strict';
import test from 'node:test';
import { findHierarchies } from '../../../src/cgroups/hierarchies.js';

const none = (): Promise<string> => Promise.resolve('');

test('hybrid: each controller mounted apart, an empty cgroup2 beside them', async () => {
  const mountinfo = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:11 master:2 - cgroup cgroup rw,memory',
    '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  ].join('\n');
  const ownGroups = '9:name=systemd:/\n8:pids:/\n4:memory:/some/where\n1:cpu:/\n0::/\n';
  const found = await findHierarchies({ mountinfo, ownGroups, readControllers: () => Promise.resolve('hugetlb\n') });
  assert.deepEqual(found.sort((a, b) => a.root.localeCompare(b.root)), [
    { version: 1, root: '/sys/fs/cgroup/cpu', controllers: ['cpu'] },
    { version: 1, root: '/sys/fs/cgroup/memory', controllers: ['memory'] },
    { version: 1, root: '/sys/fs/cgroup/pids', controllers: ['pids'] },
  ]);
});

test('v1 with controllers mounted together; a later mount of the same hides the earlier', async () => {
  const mountinfo = [
    '30 23 0:26 / /old\\040place rw - cgroup cgroup rw,cpu,cpuacct',
    '31 23 0:26 / /new\\040place rw - cgroup cgroup rw,cpu,cpuacct',
  ].join('\n');
  assert.deepEqual(await findHierarchies({ mountinfo, ownGroups: '', readControllers: none }), [{ version: 1, root: '/new place', controllers: ['cpu'] }]);
});

test('v2 alone', async () => {
  const mountinfo = '35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
  const files = { mountinfo, ownGroups: '0::/system.slice/tardigrade.service\n', readControllers: () => Promise.resolve('cpuset cpu io memory hugetlb pids rdma misc\n') };
  assert.deepEqual(await findHierarchies(files), [{ version: 2, root: '/sys/fs/cgroup', controllers: ['cpu', 'memory', 'pids'] }]);
});

test('a service leaves the hierarchies its manager tracks it by, even those without controllers', async () => {
  const mountinfo = [
    '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n');
  const ownGroups = '9:name=systemd:/system.slice/tardigrade.service\n1:cpu:/\n0::/system.slice/tardigrade.service\n';
  const found = await findHierarchies({ mountinfo, ownGroups, readControllers: none });
  assert.deepEqual(found.map(({ root, controllers }) => [root, controllers]), [['/sys/fs/cgroup/cpu', ['cpu']], ['/sys/fs/cgroup/unified', []], ['/sys/fs/cgroup/systemd', []]]);
});

test('a host without control groups', async () => {
  assert.deepEqual(await findHierarchies({ mountinfo: '21 1 0:20 / / rw - ext4 /dev/vda rw', ownGroups: '', readControllers: none }), []);
});
