/** CreateMicrovmAuthToken (spec §2.2, §5.4). Issued in every state but the last two: a suspended MicroVM wakes on traffic. */
import { z } from 'zod';
import { ConflictError, ValidationError } from '../../errors/index.js';
import { defineOperation } from '../operation.js';
import { identifier, integer, list } from '../shapes/primitives.js';
import { portSpecification } from '../shapes/structures.js';

/** Not in the model: the live service refuses more with a text of its own. */
const maxMinutes = 60;

export const createMicrovmAuthToken = defineOperation({
  name: 'CreateMicrovmAuthToken',
  method: 'POST',
  path: '/2025-09-09/microvms/{microvmIdentifier}/auth-token',
  status: 200,
  body: true,
  input: z.object({
    microvmIdentifier: identifier,
    expirationInMinutes: integer({ min: 1 }),
    allowedPorts: list(portSpecification, { min: 1 }),
  }),
  async run({ microvms, tokens, who }, { microvmIdentifier, expirationInMinutes, allowedPorts }) {
    if (expirationInMinutes > maxMinutes) {
      throw new ValidationError(`ExpirationMinutes ${expirationInMinutes} exceeded max allowed of ${maxMinutes}.`, 'expirationInMinutes');
    }
    // Unknown: port-range-order
    for (const allowed of allowedPorts) {
      if ('range' in allowed && allowed.range.startPort > allowed.range.endPort) {
        throw new ValidationError(`Port range ${allowed.range.startPort}-${allowed.range.endPort} is empty: startPort must not be greater than endPort`, 'allowedPorts');
      }
    }
    const vm = microvms.get(who, microvmIdentifier);
    // Unknown: token-for-terminated
    if (vm.state === 'TERMINATING' || vm.state === 'TERMINATED') {
      throw new ConflictError(`MicroVM ${vm.id} is in state ${vm.state}: no token is issued for it; run a new MicroVM`, 'microvm', vm.id);
    }
    const token = await tokens.issueAppToken({ microvmId: vm.id, allowedPorts, expiresInMinutes: expirationInMinutes });
    return { authToken: { 'X-aws-proxy-auth': token } };
  },
});
