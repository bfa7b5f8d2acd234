/** UpdateMicrovmImage (spec §2.1): the next version, made of this request alone; a member left out is not inherited. */
import { z } from 'zod';
import { idempotent } from '../idempotency.js';
import { defineOperation } from '../operation.js';
import { requireImageArn } from '../shapes/image-arn.js';
import { imageConfig } from '../shapes/image-config.js';
import { identifier } from '../shapes/primitives.js';
import { updatedImage } from '../views/image-view.js';

export const updateMicrovmImage = defineOperation({
  name: 'UpdateMicrovmImage',
  method: 'PUT',
  path: '/2025-09-09/microvm-images/{imageIdentifier}',
  status: 200,
  body: true,
  input: z.object({ imageIdentifier: identifier, ...imageConfig }),
  run(call, { clientToken: token, imageIdentifier, ...config }) {
    const imageArn = requireImageArn(imageIdentifier);
    const request = {
      accountId: call.who.accountId,
      operation: 'UpdateMicrovmImage',
      clientToken: token,
      input: { imageArn, ...config },
      resourceType: 'microvm-image' as const,
      resourceIdOf: () => imageArn,
    };
    return idempotent(call.store, request, () => {
      const { image, version } = call.images.update(call.who, imageArn, config);
      return updatedImage(image, version);
    });
  },
});
