/** Deleting images and versions: refused or marked at once, done in the background (spec §2.1, §3.4, §15). */
import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { ConflictError, ValidationError } from '../errors/index.js';
import type { ImageRecord, Store, VersionRecord } from '../store/contracts.js';
import { imageFolder, removeFolders, versionFolders } from './folders.js';
import type { BuildRecords } from './records.js';
import { IMAGE_STATES } from './states.js';

export interface DeletionDeps {
  readonly store: Store;
  readonly records: BuildRecords;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Has the image, or that version of it, live MicroVMs? Their disks and memory lie over its template. */
  readonly inUse: (imageArn: string, version?: string) => boolean;
}

export class Deletion {
  private readonly active = new Map<string, Promise<void>>();

  constructor(private readonly deps: DeletionDeps) {}

  /** Marks the image DELETING and starts the removal. Throws ValidationError when it cannot be deleted now. */
  request(image: ImageRecord): void {
    if (IMAGE_STATES[image.state].deleteRequested === undefined) {
      throw new ValidationError(`Cannot delete MicroVM image in its current state: ${image.arn}`, 'imageIdentifier');
    }
    if (this.deps.inUse(image.arn)) {
      throw new ValidationError(`Cannot delete MicroVM image ${image.arn} while MicroVMs use it. Terminate them first.`, 'imageIdentifier');
    }
    this.deps.records.deletion(image.arn, 'deleteRequested');
    this.resume(image);
  }

  /**
   * Marks the version DELETING, its image UPDATING, and starts the removal. Throws ConflictError while the image is
   * changing, ValidationError for its last version and for one in use.
   */
  requestVersion(image: ImageRecord, version: VersionRecord): void {
    if (IMAGE_STATES[image.state].updateRequested === undefined) throw alreadyChanging(image);
    if (this.deps.records.versions(image.arn).length === 1) {
      throw new ValidationError('This is the last version. Please delete the entire image', 'imageVersion');
    }
    // As recorded for the whole image. Unknown: version-delete-in-use
    if (this.deps.inUse(image.arn, version.version)) {
      throw new ValidationError(`Cannot delete version ${version.version} of MicroVM image ${image.arn} while MicroVMs use it. Terminate them first.`, 'imageVersion');
    }
    this.deps.records.versionDeletion(version);
    this.resumeVersion(image, version);
  }

  /** Removes what is already marked. */
  resume(image: ImageRecord): void {
    this.start(image.arn, () => this.remove(image));
  }

  /** Removes what is already marked. */
  resumeVersion(image: ImageRecord, version: VersionRecord): void {
    this.start(`${image.arn}:${version.version}`, () => this.removeVersion(image, version));
  }

  /** `key`: of what is removed; it is not removed twice at once. */
  private start(key: string, removal: () => Promise<void>): void {
    if (this.active.has(key)) return;
    const work = removal()
      .catch((error: unknown) => this.deps.logger.error({ err: error, of: key }, 'the end of a deletion could not be recorded'))
      .finally(() => this.active.delete(key));
    this.active.set(key, work);
  }

  async close(): Promise<void> {
    await Promise.all(this.active.values());
  }

  /** Files first: while the record is there, a restart finds them again, and the name stays taken. */
  private async remove(image: ImageRecord): Promise<void> {
    const { store, records, dataDir, logger } = this.deps;
    try {
      await rm(imageFolder(dataDir, image.accountId, image.name), { recursive: true, force: true });
      store.deleteImage(image.arn);
    } catch (error) {
      logger.error({ err: error, image: image.arn }, 'an image could not be deleted');
      records.deletion(image.arn, 'deleteFailed');
    }
  }

  private async removeVersion(image: ImageRecord, key: VersionRecord): Promise<void> {
    const { records, dataDir, logger } = this.deps;
    try {
      await removeFolders(versionFolders(dataDir, image.accountId, image.name, key.version));
      records.versionDeleted(key);
    } catch (error) {
      logger.error({ err: error, image: image.arn, version: key.version }, 'a version could not be deleted');
      records.versionDeleteFailed(key);
    }
  }
}

/** Recorded for UPDATING; the same for every other state that allows no change. Unknown: image-409-states */
export function alreadyChanging({ state, arn }: ImageRecord): ConflictError {
  return new ConflictError(`MicroVM Image is already in state: ${state}`, 'microvm-image', arn);
}
