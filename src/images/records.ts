/** The store's view of a build: each event moves image, version and build in one transaction. */
import type { Clock } from '../clock/index.js';
import { Fault } from '../errors/index.js';
import type { BuildRecord, ImageRecord, SnapshotSizes, Store, VersionRecord, VersionStatus } from '../store/contracts.js';
import type { BuildFailure } from './failure.js';
import type { StepRecords } from './pipeline.js';
import { BUILD_STATES, IMAGE_STATES, nextState, VERSION_STATES, type ImageEvent } from './states.js';

export interface VersionKey {
  readonly imageArn: string;
  readonly version: string;
}

export class BuildRecords {
  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {}

  created(image: ImageRecord, version: VersionRecord, build: BuildRecord): void {
    this.store.transaction(() => {
      this.store.insertImage(image);
      this.store.insertVersion(version);
      this.store.insertBuild(build);
    });
  }

  /** A further version of the image, which is UPDATING from here on. */
  updated(version: VersionRecord, build: BuildRecord): void {
    this.store.transaction(() => {
      this.store.insertVersion(version);
      this.store.insertBuild(build);
      this.store.updateImage(version.imageArn, { ...this.imageChange(version, 'updateRequested'), updatedAt: version.createdAt });
    });
  }

  /** Switches launches of a version on or off. */
  statusChanged({ imageArn, version }: VersionKey, status: VersionStatus): void {
    this.store.transaction(() => {
      const now = this.clock.now();
      this.store.updateVersion(imageArn, version, { status, updatedAt: now });
      this.store.updateImage(imageArn, { ...this.latest(imageArn), updatedAt: now });
    });
  }

  /** One version on the way out; the image is UPDATING until its files are gone. */
  versionDeletion(key: VersionKey): void {
    this.store.transaction(() => {
      const now = this.clock.now();
      this.store.updateVersion(key.imageArn, key.version, { state: nextState(VERSION_STATES, this.version(key).state, 'deleteRequested'), updatedAt: now });
      this.store.updateImage(key.imageArn, { ...this.imageChange(key, 'updateRequested'), ...this.latest(key.imageArn), updatedAt: now });
    });
  }

  versionDeleted(key: VersionKey): void {
    this.store.transaction(() => {
      this.store.deleteVersion(key.imageArn, key.version);
      this.store.updateImage(key.imageArn, { ...this.imageChange(key, 'versionDeleted'), updatedAt: this.clock.now() });
    });
  }

  versionDeleteFailed(key: VersionKey): void {
    this.store.transaction(() => {
      const now = this.clock.now();
      this.store.updateVersion(key.imageArn, key.version, { state: nextState(VERSION_STATES, this.version(key).state, 'deleteFailed'), updatedAt: now });
      this.store.updateImage(key.imageArn, { ...this.imageChange(key, 'versionDeleteFailed'), updatedAt: now });
    });
  }

  started(key: VersionKey): void {
    this.store.transaction(() => {
      const version = this.version(key);
      this.store.updateVersion(key.imageArn, key.version, { state: nextState(VERSION_STATES, version.state, 'started'), updatedAt: this.clock.now() });
      for (const build of this.builds(key)) {
        this.store.updateBuild(build.buildId, { state: nextState(BUILD_STATES, build.state, 'started'), attempts: build.attempts + 1 });
        this.store.deleteBuildSteps(build.buildId);
      }
    });
  }

  stepsOf(buildId: string): StepRecords {
    return {
      began: (step) => this.store.insertBuildStep(buildId, step, this.clock.now()),
      succeeded: () => this.store.endBuildStep(buildId, 'SUCCEEDED', this.clock.now()),
    };
  }

  succeeded(key: VersionKey, sizes: SnapshotSizes): void {
    this.store.transaction(() => {
      const now = this.clock.now();
      const version = this.version(key);
      this.store.updateVersion(key.imageArn, key.version, { state: nextState(VERSION_STATES, version.state, 'built'), status: 'ACTIVE', updatedAt: now });
      for (const build of this.builds(key)) {
        this.store.updateBuild(build.buildId, { state: nextState(BUILD_STATES, build.state, 'built'), snapshotBuild: sizes });
      }
      this.store.updateImage(key.imageArn, { ...this.imageChange(key, 'built'), latestActiveVersion: key.version, updatedAt: now });
    });
  }

  failed(key: VersionKey, failure: BuildFailure, sizes: SnapshotSizes | undefined): void {
    // On the version too; AWS often leaves it null there. Unknown: version-reason
    const stateReason = failure.stateReason;
    this.store.transaction(() => {
      const now = this.clock.now();
      const version = this.version(key);
      this.store.updateVersion(key.imageArn, key.version, { state: nextState(VERSION_STATES, version.state, 'buildFailed'), stateReason, updatedAt: now });
      for (const build of this.builds(key)) {
        const state = nextState(BUILD_STATES, build.state, 'buildFailed');
        // The step it failed in, also when an earlier daemon was at it.
        this.store.endBuildStep(build.buildId, 'FAILED', now);
        this.store.updateBuild(build.buildId, sizes === undefined ? { state, stateReason } : { state, stateReason, snapshotBuild: sizes });
      }
      this.store.updateImage(key.imageArn, { ...this.imageChange(key, 'buildFailed'), latestFailedVersion: key.version, updatedAt: now });
    });
  }

  /** The image and its versions on the way out; `record deleted` is {@link Store.deleteImage}. */
  deletion(imageArn: string, event: 'deleteRequested' | 'deleteFailed'): void {
    this.store.transaction(() => {
      const now = this.clock.now();
      for (const { version, state } of this.versions(imageArn)) {
        this.store.updateVersion(imageArn, version, { state: nextState(VERSION_STATES, state, event), updatedAt: now });
      }
      this.store.updateImage(imageArn, { ...this.imageChange({ imageArn }, event), updatedAt: now });
    });
  }

  /** Versions of the image whose build has not ended. */
  unfinished(imageArn: string): VersionRecord[] {
    return this.versions(imageArn).filter(({ state }) => state === 'PENDING' || state === 'IN_PROGRESS');
  }

  versions(imageArn: string): VersionRecord[] {
    return allPages((page) => this.store.listVersions(imageArn, page));
  }

  builds({ imageArn, version }: VersionKey): BuildRecord[] {
    return allPages((page) => this.store.listBuilds(imageArn, version, page));
  }

  /** Both recomputed from the versions there are; by number, not by time. */
  private latest(imageArn: string): Pick<ImageRecord, 'latestActiveVersion' | 'latestFailedVersion'> {
    const versions = this.versions(imageArn);
    return {
      latestActiveVersion: newest(versions.filter(({ state, status }) => state === 'SUCCESSFUL' && status === 'ACTIVE'))?.version,
      latestFailedVersion: newest(versions.filter(({ state }) => state === 'FAILED'))?.version,
    };
  }

  private version({ imageArn, version }: VersionKey): VersionRecord {
    const record = this.store.getVersion(imageArn, version);
    if (record === undefined) throw new Fault(`the record of ${imageArn} version ${version} is gone`);
    return record;
  }

  private imageChange({ imageArn }: Pick<VersionKey, 'imageArn'>, event: ImageEvent): Pick<ImageRecord, 'state'> {
    const image = this.store.getImage(imageArn);
    if (image === undefined) throw new Fault(`the record of ${imageArn} is gone`);
    return { state: nextState(IMAGE_STATES, image.state, event) };
  }
}

/** By number: 10.0 after 9.0. */
export function newest(versions: readonly VersionRecord[]): VersionRecord | undefined {
  return versions.reduce<VersionRecord | undefined>((best, next) => (best === undefined || parseFloat(next.version) > parseFloat(best.version) ? next : best), undefined);
}

/** Every item of a paged listing; for lists that quotas keep short (50 versions, one build each). */
export function allPages<T>(list: (page: { limit: number; after?: string | undefined }) => { readonly items: readonly T[]; readonly next?: string | undefined }): T[] {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page = list({ limit: 50, after });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}
