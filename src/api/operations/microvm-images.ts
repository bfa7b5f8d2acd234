/** GetMicrovmImage, ListMicrovmImages, DeleteMicrovmImage (spec §2.1). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { requireImageArn } from '../shapes/image-arn.js';
import { identifier, nonBlank, pageQuery } from '../shapes/primitives.js';
import { imageDetail, imageSummary } from '../views/image-view.js';
import { withNulls } from '../views/wire.js';

export const getMicrovmImage = defineOperation({
  name: 'GetMicrovmImage',
  method: 'GET',
  path: '/2025-09-09/microvm-images/{imageIdentifier}',
  status: 200,
  input: z.object({ imageIdentifier: identifier }),
  run: ({ images, who }, input) => imageDetail(images.get(who, requireImageArn(input.imageIdentifier))),
});

export const listMicrovmImages = defineOperation({
  name: 'ListMicrovmImages',
  method: 'GET',
  path: '/2025-09-09/microvm-images',
  status: 200,
  input: z.object({ ...pageQuery, nameFilter: nonBlank.optional() }),
  run({ images, pager, who }, { nameFilter, ...input }) {
    const scope = { operation: 'ListMicrovmImages', accountId: who.accountId };
    const page = images.list(who, pager.request(scope, input));
    // After paging, as the service does: a page may be empty while later ones are not.
    const items = page.items.filter((image) => nameFilter === undefined || image.name.includes(nameFilter));
    return withNulls({ items: items.map(imageSummary), nextToken: pager.token(scope, page) });
  },
});

export const deleteMicrovmImage = defineOperation({
  name: 'DeleteMicrovmImage',
  method: 'DELETE',
  path: '/2025-09-09/microvm-images/{imageIdentifier}',
  status: 200,
  input: z.object({ imageIdentifier: identifier }),
  run({ images, who }, input) {
    const { imageArn, state } = images.delete(who, requireImageArn(input.imageIdentifier));
    return { imageIdentifier: imageArn, state };
  },
});
