import assert from 'node:assert/strict';
import test from 'node:test';
import { vmLimits } from '../../../src/engine/qemu/limits.js';
import { guestSize, MEMORY_SIZES_MIB } from '../../../src/images/sizes.js';

const MIB = 1024 * 1024;

test('weights are in proportion to the baseline, limits above what the guest has', () => {
  const all = MEMORY_SIZES_MIB.map((memory) => {
    const size = guestSize(memory, 64);
    return { size, limits: vmLimits(size, 'tcg') };
  });
  assert.deepEqual(all.map(({ limits }) => [limits.cpuWeight, limits.cpus]), [[0.25, 1.5], [0.5, 2.5], [1, 4.5], [2, 8.5], [4, 16.5]]);
  for (const { size, limits } of all) {
    assert.ok(limits.memoryBytes > (size.memoryMiB + 1024 + 256) * MIB, 'room for TCG’s translated code');
    assert.ok(limits.memoryBytes < (size.memoryMiB * 1.01 + 1024 + 256) * MIB);
    assert.ok(limits.tasks > size.vcpus + 64, 'QEMU’s threads for disk I/O');
    assert.ok(vmLimits(size, 'kvm').memoryBytes < limits.memoryBytes);
  }
});

test('a VM that names no weight has that of one CPU', () => {
  assert.equal(vmLimits({ memoryMiB: 2048, vcpus: 2 }, 'kvm').cpuWeight, 1);
});
