/** GetMicrovmImageBuild, ListMicrovmImageBuilds (spec §2.1). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { normalVersion, requireImageArn } from '../shapes/image-arn.js';
import { identifier, nonBlank, pageQuery } from '../shapes/primitives.js';
import { buildDetail, buildSummary } from '../views/image-view.js';
import { withNulls } from '../views/wire.js';

export const getMicrovmImageBuild = defineOperation({
  name: 'GetMicrovmImageBuild',
  method: 'GET',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions/{imageVersion}/builds/{buildId}',
  status: 200,
  input: z.object({ imageIdentifier: identifier, imageVersion: nonBlank, buildId: nonBlank }),
  run({ images, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    return buildDetail(images.getBuild(who, arn, normalVersion(input.imageVersion), input.buildId));
  },
});

export const listMicrovmImageBuilds = defineOperation({
  name: 'ListMicrovmImageBuilds',
  method: 'GET',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions/{imageVersion}/builds',
  status: 200,
  input: z.object({
    imageIdentifier: identifier,
    imageVersion: nonBlank,
    ...pageQuery,
    architecture: z.enum(['ARM_64']).optional(),
    chipset: z.enum(['GRAVITON']).optional(),
    chipsetGeneration: nonBlank.optional(),
  }),
  run({ images, pager, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const version = normalVersion(input.imageVersion);
    const scope = { operation: 'ListMicrovmImageBuilds', accountId: who.accountId, of: `${arn} ${version}` };
    const page = images.listBuilds(who, arn, version, pager.request(scope, input));
    // After paging, as nameFilter is. Unknown: build-filters
    const items = page.items.filter(
      (build) =>
        (input.architecture === undefined || build.architecture === input.architecture) &&
        (input.chipset === undefined || build.chipset === input.chipset) &&
        (input.chipsetGeneration === undefined || build.chipsetGeneration === input.chipsetGeneration),
    );
    return withNulls({ items: items.map(buildSummary), nextToken: pager.token(scope, page) });
  },
});
