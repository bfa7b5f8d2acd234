/** GetMicrovm, ListMicrovms (spec §2.2). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { normalVersion, requireImageArn } from '../shapes/image-arn.js';
import { identifier, nonBlank, pageQuery } from '../shapes/primitives.js';
import { microvmDetail, microvmSummary } from '../views/microvm-view.js';
import { withNulls } from '../views/wire.js';

export const getMicrovm = defineOperation({
  name: 'GetMicrovm',
  method: 'GET',
  path: '/2025-09-09/microvms/{microvmIdentifier}',
  status: 200,
  input: z.object({ microvmIdentifier: identifier }),
  run: ({ microvms, endpointOf, who }, input) => microvmDetail(microvms.get(who, input.microvmIdentifier), endpointOf),
});

export const listMicrovms = defineOperation({
  name: 'ListMicrovms',
  method: 'GET',
  path: '/2025-09-09/microvms',
  status: 200,
  input: z.object({ ...pageQuery, imageIdentifier: identifier.optional(), imageVersion: nonBlank.optional() }),
  run({ microvms, pager, who }, input) {
    const imageArn = input.imageIdentifier === undefined ? undefined : requireImageArn(input.imageIdentifier);
    const imageVersion = input.imageVersion === undefined ? undefined : normalVersion(input.imageVersion);
    const scope = { operation: 'ListMicrovms', accountId: who.accountId, of: `${imageArn ?? ''} ${imageVersion ?? ''}` };
    const page = microvms.list(who, { imageArn, imageVersion }, pager.request(scope, input));
    return withNulls({ items: page.items.map(microvmSummary), nextToken: pager.token(scope, page) });
  },
});
