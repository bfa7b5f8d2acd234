/**
 * Files of images that are of no use: of images and versions without a record, of versions whose build failed, and
 * what builds left that died. Files of whatever is being built or deleted are left to whoever does it.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOnDisk } from '../files/bytes-on-disk.js';
import { ifThere } from '../files/if-there.js';
import { isGrave, removeOrphan } from '../files/orphans.js';
import { NOTHING, type Amount, type Garbage, type GarbageKind, type GarbageSource } from '../gc/contracts.js';
import type { Store } from '../store/contracts.js';
import { imageArn } from './arn.js';
import { imageFolder, versionFolders } from './folders.js';

export interface ImageGarbageDeps {
  readonly store: Pick<Store, 'getImage' | 'getVersion'>;
  readonly dataDir: string;
  readonly region: string;
}

export function imageGarbage({ store, dataDir, region }: ImageGarbageDeps): GarbageSource {
  const root = join(dataDir, 'images');

  const piece = async (kind: GarbageKind, folder: string, remove: () => Promise<boolean>): Promise<Garbage> => {
    const bytes = await bytesOnDisk(folder);
    return { kind, count: 1, bytes, remove: async (): Promise<Amount> => ((await remove()) ? { count: 1, bytes } : NOTHING) };
  };

  const ofVersion = async (account: string, name: string, version: string): Promise<Garbage[]> => {
    const arn = imageArn(region, account, name);
    const folders = versionFolders(dataDir, account, name, version);
    // Nobody builds it any more, and nobody can launch it.
    const isOrphan = (): boolean => {
      const record = store.getVersion(arn, version);
      return record === undefined || record.state === 'FAILED';
    };
    const isBuilt = (): boolean => store.getVersion(arn, version)?.state === 'SUCCESSFUL';
    const yard = join(root, account);
    if (isOrphan()) return [await piece('image-files', folders.root, () => removeOrphan(folders.root, yard, isOrphan))];
    // The build removes it before it says that it is done.
    if (isBuilt() && (await foldersIn(folders.root)).includes('work')) return [await piece('temporary-files', folders.work, () => removeOrphan(folders.work, folders.root, isBuilt))];
    return graves(folders.root);
  };

  const ofImage = async (account: string, name: string): Promise<Garbage[]> => {
    const arn = imageArn(region, account, name);
    const folder = imageFolder(dataDir, account, name);
    const isOrphan = (): boolean => store.getImage(arn) === undefined;
    if (isOrphan()) return [await piece('image-files', folder, () => removeOrphan(folder, join(root, account), isOrphan))];
    if (store.getImage(arn)?.state === 'DELETING') return [];
    return (await Promise.all((await foldersIn(folder)).map((version) => ofVersion(account, name, version)))).flat();
  };

  const graves = async (folder: string): Promise<Garbage[]> =>
    Promise.all((await foldersIn(folder)).filter(isGrave).map((name) => join(folder, name)).map((path) => piece('temporary-files', path, () => rm(path, { recursive: true, force: true }).then(() => true))));

  return async (accountId) => {
    const accounts = accountId === undefined ? (await foldersIn(root)).filter((name) => /^\d{12}$/.test(name)) : [accountId];
    const found: Garbage[] = [];
    for (const account of accounts) {
      found.push(...(await graves(join(root, account))));
      for (const name of (await foldersIn(join(root, account))).filter((one) => !isGrave(one))) found.push(...(await ofImage(account, name)));
    }
    return found;
  };
}

/** Names; none of a folder that is not there. */
async function foldersIn(folder: string): Promise<string[]> {
  return ((await ifThere(readdir(folder, { withFileTypes: true }))) ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
