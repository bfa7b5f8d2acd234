/** CreateMicrovmImage (spec §2.1). Checked here: lengths, patterns, ranges. Meaning is checked by the image service. */
import { z } from 'zod';
import { idempotent } from '../idempotency.js';
import { defineOperation } from '../operation.js';
import { clientToken, connector, list, nonBlank, roleArn, text } from '../shapes/primitives.js';
import { capabilities, codeArtifact, cpuConfigurations, environmentVariables, hooks, logging, resources, tags } from '../shapes/structures.js';
import { createdImage } from '../views/image-view.js';

export const createMicrovmImage = defineOperation({
  name: 'CreateMicrovmImage',
  method: 'POST',
  path: '/2025-09-09/microvm-images',
  status: 201,
  body: true,
  input: z.object({
    name: text({ min: 1, max: 64, pattern: '[a-zA-Z0-9-_]+' }),
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
    tags: tags.optional(),
    clientToken: clientToken.optional(),
  }),
  run(call, { clientToken: token, ...input }) {
    const request = {
      accountId: call.who.accountId,
      operation: 'CreateMicrovmImage',
      clientToken: token,
      input,
      resourceType: 'microvm-image' as const,
      resourceIdOf: (response: Readonly<Record<string, unknown>>) => String(response['imageArn']),
    };
    return idempotent(call.store, request, () => {
      const { name, tags: imageTags = {}, ...config } = input;
      const { image, version } = call.images.create(call.who, { name, tags: imageTags, config });
      return createdImage(image, version);
    });
  },
});
