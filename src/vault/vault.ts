/** The vault of a data folder: opened before anything in it is used, closed when nothing is. */
import { OperatorError } from '../errors/index.js';
import type { Ioctl, Vault } from './contracts.js';
import { createFscrypt, type Fscrypt } from './fscrypt.js';
import { accountsWithKeys, destroyAccountKey, makeAccountKey, masterKeyFile, readAccountKey, readMasterKey } from './keys.js';

export interface VaultOptions {
  readonly dataDir: string;
  /** Are new folders encrypted? Those that are already stay so, and their keys are loaded either way. */
  readonly enabled: boolean;
  /** Absent: in the data folder, made at need. */
  readonly masterKeyFile?: string | undefined;
  readonly ioctl: Ioctl;
}

export interface OpenVault extends Vault {
  /** Unloads the keys: from then on nothing encrypted can be opened on this host. Answers accounts with files still open. */
  close(): Promise<string[]>;
}

/** Loads the keys of all accounts that have one. Throws OperatorError when encryption is wanted and not possible. */
export async function openVault(options: VaultOptions): Promise<OpenVault> {
  const { dataDir, enabled, ioctl } = options;
  const fscrypt = createFscrypt(ioctl);
  const accounts = await accountsWithKeys(dataDir);
  if (enabled) await mustEncrypt(fscrypt, dataDir);
  if (!enabled && accounts.length === 0) return { protect: () => Promise.resolve(), close: () => Promise.resolve([]) };

  // Made only for a vault that holds nothing yet: another one would not open what there is.
  const make = options.masterKeyFile === undefined && accounts.length === 0;
  const master = await readMasterKey(options.masterKeyFile ?? masterKeyFile(dataDir), make);
  /** By account: the identifier of its key, once that is loaded. */
  const loaded = new Map<string, Promise<Buffer>>();
  const load = async (key: Promise<Buffer>): Promise<Buffer> => {
    const raw = await key;
    try {
      return await fscrypt.addKey(dataDir, raw);
    } finally {
      raw.fill(0);
    }
  };
  const close = async (): Promise<string[]> => {
    const open: string[] = [];
    for (const [accountId, identifier] of loaded) if ((await fscrypt.removeKey(dataDir, await identifier)).busy) open.push(accountId);
    loaded.clear();
    master.fill(0);
    return open;
  };
  try {
    for (const accountId of accounts) loaded.set(accountId, Promise.resolve(await load(readAccountKey(dataDir, accountId, master))));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async protect(accountId, folder) {
      if (!enabled) return;
      let identifier = loaded.get(accountId);
      if (identifier === undefined) {
        identifier = load(makeAccountKey(dataDir, accountId, master));
        loaded.set(accountId, identifier);
        // The next one tries again.
        identifier.catch(() => loaded.delete(accountId));
      }
      await fscrypt.setPolicy(folder, await identifier);
    },
  };
}

/**
 * Makes all that is encrypted with an account's key unreadable for good, in a data folder that no daemon serves.
 * `busy`: a process still has files of it open, such as a MicroVM that was left running.
 */
export async function destroyKey(options: Pick<VaultOptions, 'dataDir' | 'masterKeyFile' | 'ioctl'>, accountId: string): Promise<'no-key' | 'destroyed' | 'busy'> {
  const { dataDir } = options;
  let busy = false;
  // A daemon that crashed, or left its MicroVMs running, left the kernel's copy as well.
  if ((await accountsWithKeys(dataDir)).includes(accountId)) {
    const fscrypt = createFscrypt(options.ioctl);
    const identifier = await identifierOf(fscrypt, options, accountId);
    if (identifier !== undefined) ({ busy } = await fscrypt.removeKey(dataDir, identifier));
  }
  if (!(await destroyAccountKey(dataDir, accountId))) return 'no-key';
  return busy ? 'busy' : 'destroyed';
}

/** Only the kernel tells it, so the key is loaded for a moment. undefined: it cannot be unwrapped any more. */
async function identifierOf(fscrypt: Fscrypt, { dataDir, masterKeyFile: path }: Pick<VaultOptions, 'dataDir' | 'masterKeyFile'>, accountId: string): Promise<Buffer | undefined> {
  let key: Buffer;
  try {
    key = await readAccountKey(dataDir, accountId, await readMasterKey(path ?? masterKeyFile(dataDir), false));
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
  const identifier = await fscrypt.addKey(dataDir, key);
  key.fill(0);
  return identifier;
}

async function mustEncrypt(fscrypt: Fscrypt, dataDir: string): Promise<void> {
  const state = await fscrypt.state(dataDir);
  if (state === 'kernel-lacks-it') {
    throw new OperatorError(`TARDIGRADE_ENCRYPTION=1, but the kernel or the file system of ${dataDir} has no file encryption: ext4 or f2fs on a kernel with CONFIG_FS_ENCRYPTION is needed`);
  }
  if (state === 'file-system-lacks-it') {
    throw new OperatorError(`TARDIGRADE_ENCRYPTION=1, but encryption is not turned on in the file system of ${dataDir}: run tune2fs -O encrypt <its device>, or put the data folder on an ext4 made with mkfs.ext4 -O encrypt`);
  }
}
