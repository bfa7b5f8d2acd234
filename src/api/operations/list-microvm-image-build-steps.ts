/** ListMicrovmImageBuildSteps, an extension: how far a build is, and what took its time (docs/api-extensions.md). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { normalVersion, requireImageArn } from '../shapes/image-arn.js';
import { identifier, nonBlank } from '../shapes/primitives.js';
import { seconds, withNulls } from '../views/wire.js';

export const listMicrovmImageBuildSteps = defineOperation({
  name: 'ListMicrovmImageBuildSteps',
  method: 'GET',
  path: '/tardigrade/v1/images/{imageIdentifier}/versions/{imageVersion}/builds/{buildId}/steps',
  status: 200,
  input: z.object({ imageIdentifier: identifier, imageVersion: nonBlank, buildId: nonBlank }),
  run({ images, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const steps = images.buildSteps(who, arn, normalVersion(input.imageVersion), input.buildId);
    return { steps: steps.map(({ name, status, startedAt, endedAt }) => withNulls({ name, status, startedAt: seconds(startedAt), endedAt: seconds(endedAt) })) };
  },
});
