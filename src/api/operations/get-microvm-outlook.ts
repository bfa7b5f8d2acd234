/** GetMicrovmOutlook, an extension: what will become of a MicroVM, when, and why (docs/api-extensions.md). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { identifier } from '../shapes/primitives.js';
import { seconds, withNulls } from '../views/wire.js';

export const getMicrovmOutlook = defineOperation({
  name: 'GetMicrovmOutlook',
  method: 'GET',
  path: '/tardigrade/v1/microvms/{microvmIdentifier}/outlook',
  status: 200,
  input: z.object({ microvmIdentifier: identifier }),
  run({ microvms, who }, { microvmIdentifier }) {
    const { id, state, stateReason } = microvms.get(who, microvmIdentifier);
    const { lastActivityAt, transitions } = microvms.outlook(who, microvmIdentifier);
    const dated = transitions.map(({ to, at, because }) => ({ to, at: seconds(at), because }));
    return withNulls({ microvmId: id, state, stateReason, lastActivityAt: seconds(lastActivityAt), next: dated[0], transitions: dated });
  },
});
