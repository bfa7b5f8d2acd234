/** Images as `api/` and `microvms/` see them. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { ValidationError } from '../errors/index.js';
import type { AppLog } from '../logs/contracts.js';
import type { AccountQuotas } from '../quotas/contracts.js';
import type { BuildRecord, ImageRecord, Store, VersionRecord } from '../store/contracts.js';
import { imageArn, canonicalVersion } from './arn.js';
import type { BuildDeps } from './build-context.js';
import { Builds } from './builds.js';
import { Catalog } from './catalog.js';
import { managedImages } from './managed-images.js';
import type { CreateImageInput, ImageCatalog, ImageService, Principal } from './contracts.js';
import { Deletion } from './deletion.js';
import { BUILD_LIMITS, buildsAtOnce, type BuildLimits } from './limits.js';
import { Lookup, imageNotFound } from './lookup.js';
import { BuildRecords } from './records.js';
import { validateConfig } from './validation.js';

export interface ImagesDeps extends Omit<BuildDeps, 'limits'> {
  readonly store: Store;
  readonly log: AppLog;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Has the image live MicroVMs? */
  readonly inUse: (imageArn: string) => boolean;
  /** Default: no quotas. */
  readonly quotas?: Pick<AccountQuotas, 'admitImage' | 'admitVersion'>;
  /** Default: {@link BUILD_LIMITS}. */
  readonly limits?: Partial<BuildLimits>;
  /** Builds at once. Default: one per two CPUs of the host. */
  readonly concurrency?: number;
  /** Default: this process's. */
  readonly hostArch?: NodeJS.Architecture;
}

export interface Images extends ImageService, ImageCatalog {
  /** Ends what an earlier daemon left half-done. Once, before the first request. */
  start(): Promise<void>;
  /** Aborts builds and waits until all they held is released. The store must still be open. */
  shutdown(): Promise<void>;
}

export function createImages(deps: ImagesDeps): Images {
  const { store, clock, region, hostArch = process.arch, concurrency = buildsAtOnce(deps.hostCpus) } = deps;
  const records = new BuildRecords(store, clock);
  const lookup = new Lookup(store);
  const catalog = new Catalog(store, lookup, deps.dataDir);
  const builds = new Builds({ ...deps, limits: { ...BUILD_LIMITS, ...deps.limits }, records, concurrency });
  const deletion = new Deletion({ ...deps, records });
  const managed = managedImages(region);

  return {
    create(who, input) {
      const config = validateConfig(input.config, managed);
      const arn = imageArn(region, who.accountId, input.name);
      if (store.getImage(arn) !== undefined) {
        throw new ValidationError(`A MicroVM image with the name '${input.name}' already exists in this account`, 'name');
      }
      deps.quotas?.admitImage(who.accountId);
      const { image, version, build } = newRecords(who, arn, { ...input, config }, clock.now(), hostArch);
      records.created(image, version, build);
      builds.start(taskOf(image, version, build));
      return { image, version };
    },
    get: (who, arn) => lookup.image(who, arn),
    list: (who, page) => store.listImages(who.accountId, page),
    delete(who, arn) {
      const image = lookup.findImage(who, arn);
      if (image === undefined) {
        // Gone already, or never there: both are success for an own name, and an own name only. Unknown: delete-unknown
        if (arn.split(':')[4] !== who.accountId) throw imageNotFound(arn);
        return { imageArn: arn, state: 'DELETED' };
      }
      deletion.request(image);
      return { imageArn: arn, state: 'DELETING' };
    },
    getVersion: (who, arn, version) => lookup.version(who, arn, version),
    listVersions(who, arn, page) {
      lookup.image(who, arn);
      return store.listVersions(arn, page);
    },
    getBuild: (who, arn, version, buildId) => lookup.build(who, arn, version, buildId),
    listBuilds(who, arn, version, page) {
      lookup.version(who, arn, version);
      return store.listBuilds(arn, canonicalVersion(version), page);
    },
    managedImages: () => managed,
    launchable: (who, arn, version) => catalog.launchable(who, arn, version),
    ofRunning: (arn, version) => catalog.ofRunning(arn, version),

    async start() {
      for (const image of store.imagesInStates(['CREATING', 'UPDATING'])) {
        for (const version of records.unfinished(image.arn)) {
          const [build] = records.builds({ imageArn: image.arn, version: version.version });
          if (build !== undefined) await builds.abandon(taskOf(image, version, build));
        }
      }
      for (const image of store.imagesInStates(['DELETING'])) deletion.resume(image);
    },
    async shutdown() {
      await builds.close();
      await deletion.close();
    },
  };
}

function newRecords(who: Principal, arn: string, input: CreateImageInput, now: number, arch: NodeJS.Architecture): { image: ImageRecord; version: VersionRecord; build: BuildRecord } {
  const version = '1.0';
  return {
    image: { accountId: who.accountId, name: input.name, arn, state: 'CREATING', tags: input.tags, createdAt: now, updatedAt: now },
    version: { imageArn: arn, version, state: 'PENDING', status: 'INACTIVE', config: input.config, createdAt: now, updatedAt: now },
    // AWS builds once per Graviton generation; here one build, for the host. The model's only architecture is ARM_64. Unknown: build-hardware
    build: {
      imageArn: arn, version, buildId: randomUUID(), state: 'PENDING', createdAt: now,
      architecture: arch === 'arm64' ? 'ARM_64' : 'X86_64', chipset: 'GENERIC', chipsetGeneration: '1',
    },
  };
}

function taskOf(image: ImageRecord, version: VersionRecord, build: BuildRecord): Parameters<Builds['start']>[0] {
  const { accountId, name: imageName, arn } = image;
  return { accountId, imageName, imageArn: arn, version: version.version, buildId: build.buildId, config: version.config };
}
