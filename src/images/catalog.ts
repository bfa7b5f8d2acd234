/** Which version of an image a MicroVM launches from. */
import { NotFoundError } from '../errors/index.js';
import type { ImageRecord, ImageState, Store, VersionRecord } from '../store/contracts.js';
import { canonicalVersion } from './arn.js';
import type { ImageCatalog, Launchable, Principal } from './contracts.js';
import { versionFolders } from './folders.js';
import { imageNotFound, type Lookup } from './lookup.js';
import { allPages, newest } from './records.js';

/** Spec §3.2. */
const RUNNABLE: readonly ImageState[] = ['CREATED', 'UPDATED'];

export class Catalog implements ImageCatalog {
  constructor(
    private readonly store: Store,
    private readonly lookup: Lookup,
    private readonly dataDir: string,
  ) {}

  launchable(who: Principal, imageArn: string, version?: string): Launchable {
    const image = this.lookup.findImage(who, imageArn);
    const found = image !== undefined && RUNNABLE.includes(image.state) ? this.pick(imageArn, version) : undefined;
    if (image === undefined || found === undefined) {
      const which = version === undefined ? '' : ` and version ${version}`;
      throw new NotFoundError(`No active version found for MicroVM image ${imageArn}${which}`, 'microvm-image', imageArn);
    }
    return this.describe(image, found);
  }

  ofRunning(imageArn: string, version: string): Launchable {
    const image = this.store.getImage(imageArn);
    const record = this.store.getVersion(imageArn, version);
    if (image === undefined || record === undefined) throw imageNotFound(imageArn);
    return this.describe(image, record);
  }

  private pick(imageArn: string, version: string | undefined): VersionRecord | undefined {
    if (version !== undefined) {
      const record = this.store.getVersion(imageArn, canonicalVersion(version));
      return record !== undefined && isRunnable(record) ? record : undefined;
    }
    return newest(allPages((page) => this.store.listVersions(imageArn, page)).filter(isRunnable));
  }

  private describe(image: ImageRecord, { version, config }: VersionRecord): Launchable {
    const { template } = versionFolders(this.dataDir, image.accountId, image.name, version);
    return { imageArn: image.arn, version, template, config };
  }
}

function isRunnable({ state, status }: VersionRecord): boolean {
  return state === 'SUCCESSFUL' && status === 'ACTIVE';
}
