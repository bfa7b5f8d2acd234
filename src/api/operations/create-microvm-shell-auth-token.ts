/** CreateMicrovmShellAuthToken (spec §2.2, §6): a token for the shell alone, not for application traffic. */
import { z } from 'zod';
import { ConflictError, ValidationError } from '../../errors/index.js';
import type { MicrovmRecord } from '../../store/contracts.js';
import { defineOperation } from '../operation.js';
import { identifier, integer } from '../shapes/primitives.js';

/** As for CreateMicrovmAuthToken. Unknown: shell-token-minutes */
const maxMinutes = 60;

export const createMicrovmShellAuthToken = defineOperation({
  name: 'CreateMicrovmShellAuthToken',
  method: 'POST',
  path: '/2025-09-09/microvms/{microvmIdentifier}/shell-auth-token',
  status: 200,
  body: true,
  input: z.object({ microvmIdentifier: identifier, expirationInMinutes: integer({ min: 1 }) }),
  async run({ microvms, tokens, who }, { microvmIdentifier, expirationInMinutes }) {
    if (expirationInMinutes > maxMinutes) {
      throw new ValidationError(`ExpirationMinutes ${expirationInMinutes} exceeded max allowed of ${maxMinutes}.`, 'expirationInMinutes');
    }
    const vm = microvms.get(who, microvmIdentifier);
    // As for CreateMicrovmAuthToken; before the connectors, which no longer matter then. Unknown: shell-token-for-terminated
    if (vm.state === 'TERMINATING' || vm.state === 'TERMINATED') {
      throw new ConflictError(`MicroVM ${vm.id} is in state ${vm.state}: no token is issued for it; run a new MicroVM`, 'microvm', vm.id);
    }
    requireShellIngress(vm);
    const token = await tokens.issueShellToken({ microvmId: vm.id, expiresInMinutes: expirationInMinutes });
    return { authToken: { 'X-aws-proxy-auth': token } };
  },
});

/** Both texts are recorded. */
function requireShellIngress({ ingressNetworkConnectors }: MicrovmRecord): void {
  const names = ingressNetworkConnectors.map((arn) => arn.slice(arn.lastIndexOf(':') + 1));
  if (names.includes('ALL_INGRESS') && names.length > 1) {
    throw new ValidationError('ALL_INGRESS cannot be combined with other ingress network connectors; use HTTP_INGRESS and/or SHELL_INGRESS instead');
  }
  if (!names.includes('SHELL_INGRESS')) throw new ValidationError('Shell access requires SHELL_INGRESS network connector to be configured on the MicroVM.');
}
