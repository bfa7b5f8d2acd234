/** Every operation of lambda-microvms, tags and lambda-core. */
import type { Operation } from '../operation.js';
import { createMicrovmAuthToken } from './create-microvm-auth-token.js';
import { createMicrovmImage } from './create-microvm-image.js';
import { listManagedMicrovmImages, listManagedMicrovmImageVersions } from './managed-microvm-images.js';
import { getMicrovmImageBuild, listMicrovmImageBuilds } from './microvm-image-builds.js';
import { getMicrovmImageVersion, listMicrovmImageVersions } from './microvm-image-versions.js';
import { deleteMicrovmImage, getMicrovmImage, listMicrovmImages } from './microvm-images.js';
import { resumeMicrovm, suspendMicrovm, terminateMicrovm } from './microvm-state.js';
import { getMicrovm, listMicrovms } from './microvms.js';
import { runMicrovm } from './run-microvm.js';
import { unsupportedOperations } from './unsupported.js';

export const operations: readonly Operation[] = [
  createMicrovmImage,
  getMicrovmImage,
  listMicrovmImages,
  deleteMicrovmImage,
  getMicrovmImageVersion,
  listMicrovmImageVersions,
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
  ...unsupportedOperations,
];
