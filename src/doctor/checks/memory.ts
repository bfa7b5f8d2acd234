/** Memory of the host, and where guests' memory may go. */
import type { Check } from '../contracts.js';
import { check, gib, ok } from '../check.js';

const GIB = 1024 ** 3;
/** A build takes one guest of 2 GiB beside the daemon. */
const LEAST_BYTES = 2 * GIB;
const COMFORTABLE_BYTES = 4 * GIB;

export const MEMORY: readonly Check[] = [
  check('memory', 'memory', ({ totalBytes, availableBytes, overcommit }) => {
    const seen = `${gib(totalBytes)}, ${gib(availableBytes)} available`;
    const size = totalBytes < LEAST_BYTES
      ? { level: 'error' as const, seen, why: 'one build needs a guest of 2 GiB', fix: 'use a host with 4 GiB or more' }
      : totalBytes < COMFORTABLE_BYTES || availableBytes < LEAST_BYTES
        ? { level: 'warning' as const, seen, why: 'launches are refused while less than a MicroVM\'s baseline and 512 MiB are available', fix: 'end what else runs here (ps aux --sort=-rss | head), or use a host with more memory' }
        : ok(seen);
    if (overcommit !== 2) return size;
    return [size, {
      level: 'error',
      seen: 'vm.overcommit_memory is 2',
      why: 'the kernel then counts a clone\'s whole memory, four times its baseline, and refuses to map it',
      fix: 'sysctl -w vm.overcommit_memory=0',
    }];
  }),

  check('ksm', 'ksm', (run) => {
    if (run !== '1') return ok('kernel same-page merging is off');
    return {
      level: 'warning',
      seen: 'kernel same-page merging is on',
      why: 'a guest can tell by timing whether another one holds the same page',
      fix: 'echo 2 > /sys/kernel/mm/ksm/run; systemctl disable --now ksm ksmtuned',
    };
  }),

  check('swap', 'swaps', (swaps) => {
    const plain = swaps.filter(({ kind, encrypted }) => kind === 'disk' && !encrypted);
    if (plain.length === 0) return ok(swaps.length === 0 ? 'no swap' : `swap is in memory or encrypted: ${swaps.map(({ path }) => path).join(', ')}`);
    return plain.map(({ path }) => ({
      level: 'warning' as const,
      seen: `unencrypted swap on ${path}`,
      why: 'the memory of guests and the keys of the daemon may be written there and outlast them',
      fix: `swapoff ${path}, and remove it from /etc/fstab; or put it on dm-crypt with a random key (crypttab: swap)`,
    }));
  }),

  check('open-files', 'openFiles', (limit) => {
    if (limit >= 8192) return ok(`${limit} open files`);
    return { level: 'warning', seen: `${limit} open files at most`, why: 'each connection and each MicroVM takes some; at the limit connections are refused', fix: 'ulimit -n 65536; as a service: LimitNOFILE=65536' };
  }),
];
