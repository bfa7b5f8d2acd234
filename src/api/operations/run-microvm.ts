/** RunMicrovm (spec §2.2). Order of checks: lengths and ranges, ARN syntax, then image and hooks (by the service). */
import { z } from 'zod';
import { idempotent } from '../idempotency.js';
import { defineOperation } from '../operation.js';
import { normalVersion, requireImageArnForRun } from '../shapes/image-arn.js';
import { clientToken, connector, identifier, integer, list, nonBlank, roleArn, text } from '../shapes/primitives.js';
import { idlePolicy, logging } from '../shapes/structures.js';
import { microvmDetail } from '../views/microvm-view.js';

export const runMicrovm = defineOperation({
  name: 'RunMicrovm',
  method: 'POST',
  path: '/2025-09-09/microvms',
  status: 200,
  body: true,
  input: z.object({
    imageIdentifier: identifier,
    imageVersion: nonBlank.optional(),
    executionRoleArn: roleArn.optional(),
    idlePolicy: idlePolicy.optional(),
    logging: logging.optional(),
    runHookPayload: text({ max: 4096 }).optional(),
    maximumDurationInSeconds: integer({ min: 1, max: 28_800 }).optional(),
    ingressNetworkConnectors: list(connector, { max: 10 }).optional(),
    egressNetworkConnectors: list(connector, { max: 10 }).optional(),
    clientToken: clientToken.optional(),
  }),
  run(call, { clientToken: token, imageIdentifier, ...options }) {
    const imageArn = requireImageArnForRun(imageIdentifier);
    const request = {
      accountId: call.who.accountId,
      operation: 'RunMicrovm',
      clientToken: token,
      input: { imageArn, ...options },
      resourceType: 'microvm' as const,
      resourceIdOf: (response: Readonly<Record<string, unknown>>) => String(response['microvmId']),
    };
    return idempotent(call.store, request, () => {
      const imageVersion = options.imageVersion === undefined ? undefined : normalVersion(options.imageVersion);
      return microvmDetail(call.microvms.run(call.who, { ...options, imageArn, imageVersion }), call.endpointOf);
    });
  },
});
