/** ListManagedMicrovmImages, ListManagedMicrovmImageVersions (spec §2.1, §3.9). */
import { z } from 'zod';
import { NotFoundError } from '../../errors/index.js';
import { defineOperation } from '../operation.js';
import { pageOf } from '../paging.js';
import { requireImageArn } from '../shapes/image-arn.js';
import { identifier, pageQuery } from '../shapes/primitives.js';
import { managedImage, managedVersion } from '../views/image-view.js';
import { withNulls } from '../views/wire.js';

export const listManagedMicrovmImages = defineOperation({
  name: 'ListManagedMicrovmImages',
  method: 'GET',
  path: '/2025-09-09/managed-microvm-images',
  status: 200,
  input: z.object(pageQuery),
  run({ images, pager, who }, input) {
    const scope = { operation: 'ListManagedMicrovmImages', accountId: who.accountId };
    const page = pageOf(images.managedImages(), (image) => image.imageArn, pager.request(scope, input));
    return withNulls({ items: page.items.map(managedImage), nextToken: pager.token(scope, page) });
  },
});

export const listManagedMicrovmImageVersions = defineOperation({
  name: 'ListManagedMicrovmImageVersions',
  method: 'GET',
  path: '/2025-09-09/managed-microvm-images/{imageIdentifier}/versions',
  status: 200,
  input: z.object({ imageIdentifier: identifier, ...pageQuery }),
  run({ images, pager, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const image = images.managedImages().find((candidate) => candidate.imageArn === arn);
    if (image === undefined) throw new NotFoundError(`MicroVMImage not found for MicroVMImageID: ${arn}`, 'microvm-image', arn);
    const scope = { operation: 'ListManagedMicrovmImageVersions', accountId: who.accountId, of: arn };
    const page = pageOf(image.versions, (version) => version.version, pager.request(scope, input));
    return withNulls({ items: page.items.map((version) => managedVersion(image, version)), nextToken: pager.token(scope, page) });
  },
});
