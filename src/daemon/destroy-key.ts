/** `tardigrade destroy-key <account> --yes`: secure deletion of an account's images and MicroVMs. */
import type { Config } from '../config/config.js';
import { ioctl } from '../engine/linux/libc.js';
import { OperatorError } from '../errors/index.js';
import { destroyKey } from '../vault/vault.js';
import { lockDataDir } from './lock.js';

/** Answers what was done, for people. Throws OperatorError while a daemon serves the folder, and when there is no key. */
export async function destroyKeyOf({ accountId, yes }: { readonly accountId: string; readonly yes: boolean }, config: Config): Promise<string> {
  if (!yes) throw new OperatorError(`this makes all encrypted images and MicroVMs of account ${accountId} in ${config.dataDir} unreadable, for good; add --yes to do it`);
  const release = lockDataDir(config.dataDir);
  try {
    const outcome = await destroyKey({ dataDir: config.dataDir, masterKeyFile: config.masterKeyFile, ioctl }, accountId);
    if (outcome === 'no-key') throw new OperatorError(`account ${accountId} has no key in ${config.dataDir}: nothing of it is encrypted`);
    return `The key of account ${accountId} is destroyed: what was encrypted with it cannot be read any more.${outcome === 'busy' ? ' Files of it are still open: MicroVMs left running keep what they have open until they end.' : ''}`;
  } finally {
    release();
  }
}
