/** CollectGarbage, an extension: removes what is left over and of no use (docs/api-extensions.md). */
import { z } from 'zod';
import { defineOperation } from '../operation.js';

export const collectGarbage = defineOperation({
  name: 'CollectGarbage',
  method: 'POST',
  path: '/tardigrade/v1/gc',
  status: 200,
  body: true,
  input: z.object({ dryRun: z.boolean().default(false) }),
  run: ({ garbage, who }, { dryRun }) => garbage.collect(who, dryRun),
});
