/** Every operation of lambda-microvms, tags and lambda-core, and our extensions (docs/api-extensions.md). */
import type { Operation } from '../operation.js';
import { collectGarbage } from './collect-garbage.js';
import { createMicrovmAuthToken } from './create-microvm-auth-token.js';
import { createMicrovmImage } from './create-microvm-image.js';
import { createMicrovmShellAuthToken } from './create-microvm-shell-auth-token.js';
import { listMicrovmImageBuildSteps } from './list-microvm-image-build-steps.js';
import { listManagedMicrovmImages, listManagedMicrovmImageVersions } from './managed-microvm-images.js';
import { getMicrovmImageBuild, listMicrovmImageBuilds } from './microvm-image-builds.js';
import { deleteMicrovmImageVersion, getMicrovmImageVersion, listMicrovmImageVersions, updateMicrovmImageVersion } from './microvm-image-versions.js';
import { deleteMicrovmImage, getMicrovmImage, listMicrovmImages } from './microvm-images.js';
import { getMicrovmOutlook } from './get-microvm-outlook.js';
import { resumeMicrovm, suspendMicrovm, terminateMicrovm } from './microvm-state.js';
import { getTop, listMicrovmLaunches, listMicrovmSamples } from './microvm-telemetry.js';
import { getMicrovm, listMicrovms } from './microvms.js';
import { createNetworkConnector, deleteNetworkConnector, getNetworkConnector, listNetworkConnectors, updateNetworkConnector } from './network-connectors.js';
import { runMicrovm } from './run-microvm.js';
import { streamEvents } from './stream-events.js';
import { listTags, tagResource, untagResource } from './tags.js';
import { updateMicrovmImage } from './update-microvm-image.js';
import { getMicrovmUsage, getUsageReport } from './usage.js';

export const operations: readonly Operation[] = [
  createMicrovmImage,
  updateMicrovmImage,
  getMicrovmImage,
  listMicrovmImages,
  deleteMicrovmImage,
  getMicrovmImageVersion,
  listMicrovmImageVersions,
  updateMicrovmImageVersion,
  deleteMicrovmImageVersion,
  getMicrovmImageBuild,
  listMicrovmImageBuilds,
  listManagedMicrovmImages,
  listManagedMicrovmImageVersions,
  runMicrovm,
  getMicrovm,
  listMicrovms,
  suspendMicrovm,
  resumeMicrovm,
  terminateMicrovm,
  createMicrovmAuthToken,
  createMicrovmShellAuthToken,
  listTags,
  tagResource,
  untagResource,
  createNetworkConnector,
  getNetworkConnector,
  listNetworkConnectors,
  updateNetworkConnector,
  deleteNetworkConnector,
];

export const extensions: readonly Operation[] = [
  getMicrovmOutlook,
  getMicrovmUsage,
  getUsageReport,
  streamEvents,
  listMicrovmLaunches,
  listMicrovmSamples,
  getTop,
  listMicrovmImageBuildSteps,
  collectGarbage,
];

/** All there are, and what the listener answers besides. */
export const OPERATION_NAMES: readonly string[] = [...operations, ...extensions].map(({ name }) => name).concat('Health', 'Console', 'Metrics');
