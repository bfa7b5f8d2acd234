/** GetMicrovmImageVersion, ListMicrovmImageVersions, UpdateMicrovmImageVersion, DeleteMicrovmImageVersion (spec §2.1). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { normalVersion, requireImageArn } from '../shapes/image-arn.js';
import { identifier, nonBlank, pageQuery } from '../shapes/primitives.js';
import { versionDetail } from '../views/image-view.js';
import { withNulls } from '../views/wire.js';

export const getMicrovmImageVersion = defineOperation({
  name: 'GetMicrovmImageVersion',
  method: 'GET',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions/{imageVersion}',
  status: 200,
  input: z.object({ imageIdentifier: identifier, imageVersion: nonBlank }),
  run({ images, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const version = images.getVersion(who, arn, normalVersion(input.imageVersion));
    return versionDetail(version, images.get(who, arn).tags);
  },
});

export const listMicrovmImageVersions = defineOperation({
  name: 'ListMicrovmImageVersions',
  method: 'GET',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions',
  status: 200,
  input: z.object({ imageIdentifier: identifier, ...pageQuery }),
  run({ images, pager, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const scope = { operation: 'ListMicrovmImageVersions', accountId: who.accountId, of: arn };
    const page = images.listVersions(who, arn, pager.request(scope, input));
    const { tags } = images.get(who, arn);
    return withNulls({ items: page.items.map((version) => versionDetail(version, tags)), nextToken: pager.token(scope, page) });
  },
});

export const updateMicrovmImageVersion = defineOperation({
  name: 'UpdateMicrovmImageVersion',
  method: 'PATCH',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions/{imageVersion}',
  status: 200,
  body: true,
  input: z.object({ imageIdentifier: identifier, imageVersion: nonBlank, status: z.enum(['ACTIVE', 'INACTIVE']) }),
  run({ images, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const version = images.setVersionStatus(who, arn, normalVersion(input.imageVersion), input.status);
    return versionDetail(version, images.get(who, arn).tags);
  },
});

export const deleteMicrovmImageVersion = defineOperation({
  name: 'DeleteMicrovmImageVersion',
  method: 'DELETE',
  path: '/2025-09-09/microvm-images/{imageIdentifier}/versions/{imageVersion}',
  status: 200,
  input: z.object({ imageIdentifier: identifier, imageVersion: nonBlank }),
  run({ images, who }, input) {
    const arn = requireImageArn(input.imageIdentifier);
    const { version, state } = images.deleteVersion(who, arn, normalVersion(input.imageVersion));
    return { imageIdentifier: arn, imageVersion: version, state };
  },
});
