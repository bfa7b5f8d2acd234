/** Operations of the service that this server knows and does not serve yet: each answers 501 with its name. */
import { z } from 'zod';
import { UnsupportedOperationError } from '../../errors/index.js';
import { defineOperation, type Operation } from '../operation.js';

const image = '/2025-09-09/microvm-images/{imageIdentifier}';
const connectors = '/2026-04-04/network-connectors';

const table: readonly (readonly [name: string, method: Operation['method'], path: string])[] = [
  ['UpdateMicrovmImage', 'PUT', image],
  ['UpdateMicrovmImageVersion', 'PATCH', `${image}/versions/{imageVersion}`],
  ['DeleteMicrovmImageVersion', 'DELETE', `${image}/versions/{imageVersion}`],
  ['CreateMicrovmShellAuthToken', 'POST', '/2025-09-09/microvms/{microvmIdentifier}/shell-auth-token'],
  ['ListTags', 'GET', '/2017-03-31/tags/{Resource}'],
  ['TagResource', 'POST', '/2017-03-31/tags/{Resource}'],
  ['UntagResource', 'DELETE', '/2017-03-31/tags/{Resource}'],
  ['CreateNetworkConnector', 'POST', connectors],
  ['GetNetworkConnector', 'GET', `${connectors}/{Identifier}`],
  ['ListNetworkConnectors', 'GET', connectors],
  ['UpdateNetworkConnector', 'PUT', `${connectors}/{Identifier}`],
  ['DeleteNetworkConnector', 'DELETE', `${connectors}/{Identifier}`],
];

export const unsupportedOperations: readonly Operation[] = table.map(([name, method, path]) =>
  defineOperation({
    name,
    method,
    path,
    status: 501,
    input: z.unknown(),
    run() {
      throw new UnsupportedOperationError(`${name} is not implemented by this server`);
    },
  }),
);
