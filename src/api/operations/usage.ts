/** GetUsageReport, GetMicrovmUsage: what was used and what AWS would charge for it. Not AWS's (docs/usage.md). */
import { z } from 'zod';
import { NotFoundError } from '../../errors/index.js';
import { defineOperation } from '../operation.js';
import { identifier } from '../shapes/primitives.js';

export const getUsageReport = defineOperation({
  name: 'GetUsageReport',
  method: 'GET',
  path: '/tardigrade/v1/usage',
  status: 200,
  // What a day is the service says: it alone knows which days there are.
  input: z.object({ from: z.string().optional(), to: z.string().optional() }),
  run: ({ usage, who }, { from, to }) => usage.ofAccount(who.accountId, from, to),
});

export const getMicrovmUsage = defineOperation({
  name: 'GetMicrovmUsage',
  method: 'GET',
  path: '/tardigrade/v1/microvms/{microvmIdentifier}/usage',
  status: 200,
  input: z.object({ microvmIdentifier: identifier }),
  async run({ microvms, usage, who }, { microvmIdentifier }) {
    // Throws when the caller's account has no such MicroVM.
    const { id } = microvms.get(who, microvmIdentifier);
    const found = await usage.ofMicrovm(id);
    if (found === undefined) throw new NotFoundError(`MicroVM ${id} has used nothing yet: it counts from when it is RUNNING`, 'microvm', id);
    return found;
  },
});
