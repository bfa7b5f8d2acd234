/** Deleting images: refused or marked at once, done in the background (spec §2.1, §3.4, §15). */
import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { ValidationError } from '../errors/index.js';
import type { ImageRecord, Store } from '../store/contracts.js';
import { imageFolder } from './folders.js';
import type { BuildRecords } from './records.js';
import { IMAGE_STATES } from './states.js';

export interface DeletionDeps {
  readonly store: Store;
  readonly records: BuildRecords;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Has the image live MicroVMs? Their disks and memory lie over its template. */
  readonly inUse: (imageArn: string) => boolean;
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

  /** Removes what is already marked. */
  resume(image: ImageRecord): void {
    if (this.active.has(image.arn)) return;
    const work = this.remove(image)
      .catch((error: unknown) => this.deps.logger.error({ err: error, image: image.arn }, 'the failure of a deletion could not be recorded'))
      .finally(() => this.active.delete(image.arn));
    this.active.set(image.arn, work);
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
}
