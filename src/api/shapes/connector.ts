/** Shapes of the connector operations (spec §7.2). */
import { z } from 'zod';
import { list, roleArn, text, union } from './primitives.js';

const arn = 'arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:network-connector:[a-zA-Z0-9-_]+(:[1-9]|[1-9][0-9]+)?';

/** The model lets a name be an ARN too; a name of one's own choice cannot be one. Unknown: connector-name-arn */
export const connectorName = text({ min: 1, max: 140, pattern: '[a-zA-Z0-9_-]{1,64}' });

/** Id, name or ARN. */
export const connectorIdentifier = text({ min: 1, max: 140, pattern: `([a-zA-Z0-9_-]{1,64}|${arn})` });

export const connectorConfiguration = union({
  VpcEgressConfiguration: z.object({
    SubnetIds: list(text({ min: 1, max: 1024, pattern: 'subnet-[0-9a-z]*' }), { min: 1, max: 16 }),
    SecurityGroupIds: list(text({ min: 1, max: 1024, pattern: 'sg-[0-9a-zA-Z]*' }), { max: 5 }).optional(),
    NetworkProtocol: z.enum(['IPv4', 'DualStack']).optional(),
    AssociatedComputeResourceTypes: list(z.enum(['MicroVm']), { min: 1, max: 1 }).optional(),
  }),
});

export const connectorState = z.enum(['PENDING', 'ACTIVE', 'INACTIVE', 'FAILED', 'DELETING', 'DELETE_FAILED']);
export const operatorRole = roleArn;
export const connectorClientToken = text({ min: 1, max: 64 });
