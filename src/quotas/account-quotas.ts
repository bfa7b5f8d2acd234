/** Counts of an account against its quotas, and the host's memory. */
import { freemem } from 'node:os';
import { InsufficientCapacityError, QuotaExceededError } from '../errors/index.js';
import type { Store } from '../store/contracts.js';
import type { AccountQuotas, Limits } from './contracts.js';
import { quotaCodes } from './defaults.js';

export interface AccountQuotaDeps {
  readonly limits: Limits;
  readonly store: Pick<Store, 'countImages' | 'countVersions' | 'liveMemoryMiB'>;
  /** Memory the host could give without swapping, MiB. Default: the kernel's MemAvailable. */
  readonly hostAvailableMiB?: () => number;
}

const MIB = 1024 * 1024;

/** Refusals' texts are ours. Unknown: quota-texts */
export function createAccountQuotas(deps: AccountQuotaDeps): AccountQuotas {
  // libuv reads MemAvailable from procfs: microseconds, no disk.
  const { limits, store, hostAvailableMiB = () => freemem() / MIB } = deps;
  return {
    admitImage(accountId) {
      if (limits.images === null || store.countImages(accountId) < limits.images) return;
      throw exceeded(`Account ${accountId} already has the maximum of ${limits.images} MicroVM images: delete one first`, 'images', 'microvm-image', accountId);
    },
    admitVersion(imageArn) {
      if (limits.versionsPerImage === null || store.countVersions(imageArn) < limits.versionsPerImage) return;
      throw exceeded(`MicroVM image ${imageArn} already has the maximum of ${limits.versionsPerImage} versions: delete one first`, 'versionsPerImage', 'microvm-image', imageArn);
    },
    admitMicrovm(accountId, memoryMiB) {
      const inUse = limits.memoryMiB === null ? 0 : store.liveMemoryMiB(accountId);
      if (limits.memoryMiB !== null && inUse + memoryMiB > limits.memoryMiB) {
        throw exceeded(`A MicroVM of ${memoryMiB} MiB exceeds the account's memory of ${limits.memoryMiB} MiB, of which ${inUse} MiB are in use: terminate a MicroVM first`, 'memory', 'microvm', accountId);
      }
      if (limits.hostMarginMiB === null) return;
      const available = Math.floor(hostAvailableMiB());
      if (available < memoryMiB + limits.hostMarginMiB) {
        throw new InsufficientCapacityError(
          `The host has ${available} MiB of memory available; a MicroVM of ${memoryMiB} MiB needs that and ${limits.hostMarginMiB} MiB beside it: try again when others have ended`,
        );
      }
    },
  };
}

function exceeded(message: string, quota: string, resourceType: 'microvm-image' | 'microvm', resourceId: string): QuotaExceededError {
  return new QuotaExceededError(message, resourceType, resourceId, quotaCodes[quota] ?? '');
}
