/** CreateMicrovmImage (spec §2.1). Checked here: lengths, patterns, ranges. Meaning is checked by the image service. */
import { z } from 'zod';
import { idempotent } from '../idempotency.js';
import { defineOperation } from '../operation.js';
import { imageConfig } from '../shapes/image-config.js';
import { text } from '../shapes/primitives.js';
import { tags } from '../shapes/structures.js';
import { createdImage } from '../views/image-view.js';

export const createMicrovmImage = defineOperation({
  name: 'CreateMicrovmImage',
  method: 'POST',
  path: '/2025-09-09/microvm-images',
  status: 201,
  body: true,
  input: z.object({ name: text({ min: 1, max: 64, pattern: '[a-zA-Z0-9-_]+' }), ...imageConfig, tags: tags.optional() }),
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
