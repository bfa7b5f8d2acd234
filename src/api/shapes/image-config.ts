/** What CreateMicrovmImage and UpdateMicrovmImage have in common (spec §2.1): all that a version is made of. */
import { z } from 'zod';
import { clientToken, connector, list, nonBlank, roleArn } from './primitives.js';
import { capabilities, codeArtifact, cpuConfigurations, environmentVariables, hooks, logging, resources } from './structures.js';

export const imageConfig = {
  baseImageArn: nonBlank,
  baseImageVersion: nonBlank.optional(),
  buildRoleArn: roleArn,
  codeArtifact,
  description: z.string().optional(),
  logging: logging.optional(),
  egressNetworkConnectors: list(connector, { max: 1 }).optional(),
  cpuConfigurations: cpuConfigurations.optional(),
  resources: resources.optional(),
  additionalOsCapabilities: capabilities.optional(),
  hooks: hooks.optional(),
  environmentVariables: environmentVariables.optional(),
  clientToken: clientToken.optional(),
};
