/** Shared structures (spec §1.4), constraints from the service model. */
import { z } from 'zod';
import type { AllowedPort } from '../contracts.js';
import { integer, list, portNumber, text, textMap, union } from './primitives.js';

const hookState = z.enum(['DISABLED', 'ENABLED']);
const microvmHookTimeout = integer({ min: 1, max: 60 }).optional();
const imageHookTimeout = integer({ min: 1, max: 3600 }).optional();

export const codeArtifact = union({ uri: text({ min: 1, max: 2048, pattern: '[^\\s]+' }) })
  // The union's own check has made sure that its one member is there.
  .transform((value) => ({ uri: value.uri ?? '' }));

export const logging = union({
  disabled: z.object({}),
  cloudWatch: z.object({
    logGroup: text({ min: 1, max: 512, pattern: '[a-zA-Z0-9_\\-/.#]+' }).optional(),
    logStream: text({ min: 1, max: 512, pattern: '[^:*]*' }).optional(),
  }),
}).transform((value) => (value.cloudWatch ? { cloudWatch: value.cloudWatch } : { disabled: {} }));

export const cpuConfigurations = list(z.object({ architecture: z.enum(['ARM_64']) }));
export const resources = list(z.object({ minimumMemoryInMiB: integer() }), { max: 1 });
export const capabilities = list(z.enum(['ALL']));

export const hooks = z.object({
  port: portNumber.optional(),
  microvmHooks: z
    .object({
      run: hookState.optional(),
      runTimeoutInSeconds: microvmHookTimeout,
      resume: hookState.optional(),
      resumeTimeoutInSeconds: microvmHookTimeout,
      suspend: hookState.optional(),
      suspendTimeoutInSeconds: microvmHookTimeout,
      terminate: hookState.optional(),
      terminateTimeoutInSeconds: microvmHookTimeout,
    })
    .optional(),
  microvmImageHooks: z
    .object({
      ready: hookState.optional(),
      readyTimeoutInSeconds: imageHookTimeout,
      validate: hookState.optional(),
      validateTimeoutInSeconds: imageHookTimeout,
    })
    .optional(),
});

export const environmentVariables = textMap({ min: 1, max: 256, pattern: '[^\\s]+' }, { max: 4096 }, { max: 50 });

const tagClass = '([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)';
const tagKeyRule = { min: 1, max: 128, pattern: tagClass };
export const tagKey = text(tagKeyRule);
export const tags = textMap(tagKeyRule, { max: 256, pattern: tagClass });

/** maxIdleDurationSeconds: the model has the lower bound, the developer guide the upper. Unknown: max-idle-upper-bound */
export const idlePolicy = z.object({
  maxIdleDurationSeconds: integer({ min: 60, max: 28_800 }),
  suspendedDurationSeconds: integer({ min: 0 }),
  autoResumeEnabled: z.boolean(),
});

export const portSpecification = union({
  port: portNumber,
  range: z.object({ startPort: portNumber, endPort: portNumber }),
  allPorts: z.object({}),
}).transform((value): AllowedPort => {
  if (value.port !== undefined) return { port: value.port };
  return value.range ? { range: value.range } : { allPorts: {} };
});
