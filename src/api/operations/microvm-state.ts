/** SuspendMicrovm, ResumeMicrovm, TerminateMicrovm (spec §2.2, §15): answer `{}`; which state allows what is the service's. */
import { z } from 'zod';
import { defineOperation } from '../operation.js';
import { identifier } from '../shapes/primitives.js';

const input = z.object({ microvmIdentifier: identifier });

export const suspendMicrovm = defineOperation({
  name: 'SuspendMicrovm',
  method: 'POST',
  path: '/2025-09-09/microvms/{microvmIdentifier}/suspend',
  status: 200,
  input,
  async run({ microvms, who }, { microvmIdentifier }) {
    await microvms.suspend(who, microvmIdentifier);
    return {};
  },
});

export const resumeMicrovm = defineOperation({
  name: 'ResumeMicrovm',
  method: 'POST',
  path: '/2025-09-09/microvms/{microvmIdentifier}/resume',
  status: 200,
  input,
  async run({ microvms, who }, { microvmIdentifier }) {
    await microvms.resume(who, microvmIdentifier);
    return {};
  },
});

export const terminateMicrovm = defineOperation({
  name: 'TerminateMicrovm',
  method: 'DELETE',
  path: '/2025-09-09/microvms/{microvmIdentifier}',
  status: 200,
  input,
  async run({ microvms, who }, { microvmIdentifier }) {
    await microvms.terminate(who, microvmIdentifier);
    return {};
  },
});
