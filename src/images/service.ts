/** Images as `api/` and `microvms/` see them. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { ConflictError, ValidationError } from '../errors/index.js';
import { isCustomerConnector, type ConnectorCatalog } from '../connectors/contracts.js';
import type { AppLog } from '../logs/contracts.js';
import type { GarbageSource } from '../gc/contracts.js';
import type { AccountQuotas } from '../quotas/contracts.js';
import type { BuildRecord, ImageConfig, ImageRecord, Store, VersionRecord } from '../store/contracts.js';
import type { Vault } from '../vault/contracts.js';
import { architectureOf, checkArchitecture } from './architecture.js';
import { imageArn, canonicalVersion } from './arn.js';
import type { BuildDeps } from './build-context.js';
import { Builds } from './builds.js';
import { Catalog } from './catalog.js';
import { imageGarbage } from './garbage.js';
import { managedImages } from './managed-images.js';
import type { ImageCatalog, ImageService, Principal } from './contracts.js';
import { alreadyChanging, Deletion } from './deletion.js';
import { BUILD_LIMITS, buildsAtOnce, type BuildLimits } from './limits.js';
import { Lookup, imageNotFound } from './lookup.js';
import { BuildRecords } from './records.js';
import { IMAGE_STATES } from './states.js';
import { checkTags } from '../tags/rules.js';
import { validateConfig } from './validation.js';

export interface ImagesDeps extends Omit<BuildDeps, 'limits'> {
  readonly store: Store;
  readonly log: AppLog;
  readonly dataDir: string;
  readonly logger: Logger;
  /** Has the image, or that version of it, live MicroVMs? */
  readonly inUse: (imageArn: string, version?: string) => boolean;
  readonly connectors: ConnectorCatalog;
  /** Default: what is built is not encrypted. */
  readonly vault?: Vault;
  /** Default: no quotas. */
  readonly quotas?: Pick<AccountQuotas, 'admitImage' | 'admitVersion'>;
  /** Default: {@link BUILD_LIMITS}. */
  readonly limits?: Partial<BuildLimits>;
  /** Builds at once. Default: one per two CPUs of the host. */
  readonly concurrency?: number;
  /** Default: this process's. */
  readonly hostArch?: NodeJS.Architecture;
  /** Is a request that names another architecture than the host's refused? Default: no, `advice`. */
  readonly architecture?: 'advice' | 'strict';
}

export interface Images extends ImageService, ImageCatalog {
  readonly garbage: GarbageSource;
  /** Takes up what an earlier daemon left half-done. Once, before the first request. */
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

  function checked(who: Principal, wanted: ImageConfig): ImageConfig {
    const config = validateConfig(wanted, managed);
    if (deps.architecture === 'strict') checkArchitecture(config, hostArch);
    for (const arn of config.egressNetworkConnectors ?? []) {
      if (isCustomerConnector(arn)) deps.connectors.requireUsable(who, arn, 'egressNetworkConnectors');
    }
    return config;
  }

  return {
    create(who, input) {
      checkTags(input.tags, 'tags');
      const config = checked(who, input.config);
      const arn = imageArn(region, who.accountId, input.name);
      if (store.getImage(arn) !== undefined) {
        throw new ValidationError(`A MicroVM image with the name '${input.name}' already exists in this account`, 'name');
      }
      deps.quotas?.admitImage(who.accountId);
      const now = clock.now();
      const image: ImageRecord = { accountId: who.accountId, name: input.name, arn, state: 'CREATING', tags: input.tags, createdAt: now, updatedAt: now };
      const { version, build } = newVersion(arn, 1, config, now, hostArch);
      records.created(image, version, build);
      builds.start(taskOf(image, version, build));
      return { image, version };
    },
    update(who, arn, wanted) {
      const before = lookup.image(who, arn);
      const config = checked(who, wanted);
      if (IMAGE_STATES[before.state].updateRequested === undefined) throw alreadyChanging(before);
      deps.quotas?.admitVersion(arn);
      const { version, build } = newVersion(arn, store.lastVersionNumber(arn) + 1, config, clock.now(), hostArch);
      records.updated(version, build);
      const image = lookup.image(who, arn);
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
    setVersionStatus(who, arn, number, status) {
      const image = lookup.image(who, arn);
      const version = lookup.version(who, arn, number);
      if (IMAGE_STATES[image.state].updateRequested === undefined) throw alreadyChanging(image);
      // Unknown: activate-unbuilt
      if (status === 'ACTIVE' && version.state !== 'SUCCESSFUL') {
        throw new ConflictError(`Version ${version.version} of MicroVM image ${arn} is in state ${version.state}: only a SUCCESSFUL version can be ACTIVE`, 'microvm-image-version', version.version);
      }
      records.statusChanged(version, status);
      return lookup.version(who, arn, number);
    },
    deleteVersion(who, arn, number) {
      const image = lookup.image(who, arn);
      const version = canonicalVersion(number);
      const record = store.getVersion(arn, version);
      if (record?.state === 'DELETING') return { version, state: 'DELETING' };
      // A number that was given once is a version that is gone; any other never was one. Unknown: version-delete-gone
      if (record === undefined && wasGiven(version, store.lastVersionNumber(arn))) return { version, state: 'DELETED' };
      deletion.requestVersion(image, lookup.version(who, arn, number));
      return { version, state: 'DELETING' };
    },
    listVersions(who, arn, page) {
      lookup.image(who, arn);
      return store.listVersions(arn, page);
    },
    getBuild: (who, arn, version, buildId) => lookup.build(who, arn, version, buildId),
    buildSteps: (who, arn, version, buildId) => store.buildSteps(lookup.build(who, arn, version, buildId).buildId),
    listBuilds(who, arn, version, page) {
      lookup.version(who, arn, version);
      return store.listBuilds(arn, canonicalVersion(version), page);
    },
    managedImages: () => managed,
    garbage: imageGarbage(deps),
    launchable: (who, arn, version) => catalog.launchable(who, arn, version),
    ofRunning: (arn, version) => catalog.ofRunning(arn, version),

    async start() {
      for (const image of store.imagesInStates(['CREATING', 'UPDATING'])) {
        for (const version of records.unfinished(image.arn)) {
          const [build] = records.builds({ imageArn: image.arn, version: version.version });
          if (build !== undefined) await builds.takeUp(taskOf(image, version, build), build.attempts);
        }
        for (const version of records.versions(image.arn)) {
          if (version.state === 'DELETING') deletion.resumeVersion(image, version);
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

function newVersion(arn: string, number: number, config: ImageConfig, now: number, arch: NodeJS.Architecture): { version: VersionRecord; build: BuildRecord } {
  const version = `${number}.0`;
  return {
    version: { imageArn: arn, version, state: 'PENDING', status: 'INACTIVE', config, createdAt: now, updatedAt: now },
    // AWS builds once per Graviton generation; here one build, for the host. The model's only architecture is ARM_64. Unknown: build-hardware
    build: {
      imageArn: arn, version, buildId: randomUUID(), state: 'PENDING', createdAt: now, attempts: 0,
      architecture: architectureOf(arch), chipset: 'GENERIC', chipsetGeneration: '1',
    },
  };
}

function wasGiven(version: string, last: number): boolean {
  const [, number] = /^([1-9]\d*)\.0$/.exec(version) ?? [];
  return number !== undefined && Number(number) <= last;
}

function taskOf(image: ImageRecord, version: VersionRecord, build: BuildRecord): Parameters<Builds['start']>[0] {
  const { accountId, name: imageName, arn } = image;
  return { accountId, imageName, imageArn: arn, version: version.version, buildId: build.buildId, config: version.config };
}
