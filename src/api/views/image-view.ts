/** Images, versions and builds as the wire shows them (spec §2.1). */
import type { ManagedImage } from '../../images/contracts.js';
import type { BuildRecord, ImageConfig, ImageRecord, VersionRecord } from '../../store/contracts.js';
import { normalVersion } from '../shapes/image-arn.js';
import { seconds, withNulls } from './wire.js';

/** Without `id`, `buildPhaseOverrides` and `roleConfiguration` (spec §15). Unknown: create-response-extras */
export function createdImage(image: ImageRecord, version: VersionRecord) {
  return withNulls({ ...updatedImage(image, version), tags: image.tags });
}

/** As {@link createdImage}, without `tags`. */
export function updatedImage(image: ImageRecord, version: VersionRecord) {
  return withNulls({
    imageArn: image.arn,
    name: image.name,
    state: image.state,
    imageVersion: version.version,
    latestActiveImageVersion: image.latestActiveVersion,
    latestFailedImageVersion: image.latestFailedVersion,
    ...config(version.config),
    createdAt: seconds(image.createdAt),
    updatedAt: seconds(image.updatedAt),
  });
}

export function imageDetail(image: ImageRecord) {
  return withNulls({ ...imageSummary(image), tags: image.tags, updatedAt: seconds(image.updatedAt) });
}

export function imageSummary(image: ImageRecord) {
  return withNulls({
    imageArn: image.arn,
    name: image.name,
    state: image.state,
    latestActiveImageVersion: image.latestActiveVersion,
    latestFailedImageVersion: image.latestFailedVersion,
    createdAt: seconds(image.createdAt),
  });
}

/** `tags` are the image's: versions have none of their own and echo them. */
export function versionDetail(version: VersionRecord, tags: ImageRecord['tags']) {
  return withNulls({
    imageArn: version.imageArn,
    imageVersion: version.version,
    state: version.state,
    status: version.status,
    stateReason: version.stateReason,
    ...config(version.config),
    tags,
    createdAt: seconds(version.createdAt),
    updatedAt: seconds(version.updatedAt),
  });
}

export function buildSummary(build: BuildRecord) {
  return withNulls({
    imageArn: build.imageArn,
    imageVersion: build.version,
    buildId: build.buildId,
    buildState: build.state,
    stateReason: build.stateReason,
    architecture: build.architecture,
    chipset: build.chipset,
    chipsetGeneration: build.chipsetGeneration,
    createdAt: seconds(build.createdAt),
  });
}

export function buildDetail(build: BuildRecord) {
  return withNulls({ ...buildSummary(build), snapshotBuild: build.snapshotBuild });
}

export function managedImage(image: ManagedImage) {
  return withNulls({ imageArn: image.imageArn, createdAt: seconds(image.createdAt), updatedAt: undefined });
}

export function managedVersion(image: ManagedImage, version: ManagedImage['versions'][number]) {
  return withNulls({
    imageArn: image.imageArn,
    imageVersion: version.version,
    status: 'AVAILABLE',
    createdAt: seconds(version.createdAt),
    updatedAt: undefined,
  });
}

function config(value: ImageConfig) {
  return {
    baseImageArn: value.baseImageArn,
    baseImageVersion: value.baseImageVersion === undefined ? undefined : normalVersion(value.baseImageVersion),
    buildRoleArn: value.buildRoleArn,
    codeArtifact: value.codeArtifact,
    description: value.description,
    logging: value.logging,
    egressNetworkConnectors: value.egressNetworkConnectors,
    cpuConfigurations: value.cpuConfigurations,
    resources: value.resources,
    additionalOsCapabilities: value.additionalOsCapabilities,
    hooks: value.hooks,
    environmentVariables: value.environmentVariables,
  };
}
