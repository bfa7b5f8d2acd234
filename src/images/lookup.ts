/** Finding records for a caller: another account's image is as unknown as one that never was. */
import { NotFoundError, ValidationError } from '../errors/index.js';
import type { BuildRecord, ImageRecord, Store, VersionRecord } from '../store/contracts.js';
import { canonicalVersion, isImageArn } from './arn.js';
import type { Principal } from './contracts.js';

export class Lookup {
  constructor(private readonly store: Store) {}

  /** Throws ValidationError for what is no ARN. */
  findImage(who: Principal, imageArn: string): ImageRecord | undefined {
    if (!isImageArn(imageArn)) throw new ValidationError(`Invalid ARN format: ${imageArn}`, 'imageIdentifier');
    const image = this.store.getImage(imageArn);
    return image?.accountId === who.accountId ? image : undefined;
  }

  image(who: Principal, imageArn: string): ImageRecord {
    const image = this.findImage(who, imageArn);
    if (image === undefined) throw imageNotFound(imageArn);
    return image;
  }

  version(who: Principal, imageArn: string, version: string): VersionRecord {
    this.image(who, imageArn);
    const record = this.store.getVersion(imageArn, canonicalVersion(version));
    if (record === undefined) {
      throw new NotFoundError(`MicroVMImageVersion not found for MicroVMImageID: ${imageArn} and version: ${version}`, 'microvm-image-version', version);
    }
    return record;
  }

  build(who: Principal, imageArn: string, version: string, buildId: string): BuildRecord {
    const record = this.store.getBuild(imageArn, this.version(who, imageArn, version).version, buildId);
    if (record === undefined) {
      throw new NotFoundError(`MicroVMImageBuild not found for MicroVMImageID: ${imageArn}, version: ${version} and buildId: ${buildId}`, 'microvm-image-build', buildId);
    }
    return record;
  }
}

export function imageNotFound(imageArn: string): NotFoundError {
  return new NotFoundError(`MicroVMImage not found for MicroVMImageID: ${imageArn}`, 'microvm-image', imageArn);
}
