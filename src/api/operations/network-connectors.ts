/** The five operations of lambda-core (spec §7.2). */
import { z } from 'zod';
import { ValidationError } from '../../errors/index.js';
import type { ConnectorConfiguration } from '../../store/contracts.js';
import { idempotent } from '../idempotency.js';
import { defineOperation } from '../operation.js';
import { connectorClientToken, connectorConfiguration, connectorIdentifier, connectorName, connectorState, operatorRole } from '../shapes/connector.js';
import { queryInteger } from '../shapes/primitives.js';
import { tags } from '../shapes/structures.js';
import { connectorAnswer, connectorDetail, connectorSummary } from '../views/connector-view.js';

const all = '/2026-04-04/network-connectors';
const one = `${all}/{Identifier}`;

/** More may be asked for, but are not given at once. */
const maxPage = 50;

export const createNetworkConnector = defineOperation({
  name: 'CreateNetworkConnector',
  method: 'POST',
  path: all,
  status: 202,
  body: true,
  input: z.object({
    Name: connectorName,
    Configuration: connectorConfiguration,
    OperatorRole: operatorRole.optional(),
    ClientToken: connectorClientToken.optional(),
    Tags: tags.optional(),
  }),
  run(call, { ClientToken: token, ...input }) {
    const request = {
      accountId: call.who.accountId,
      operation: 'CreateNetworkConnector',
      clientToken: token,
      input,
      resourceType: 'network-connector' as const,
      resourceIdOf: (response: Readonly<Record<string, unknown>>) => String(response['Id']),
    };
    return idempotent(call.store, request, () => {
      const { Name: name, OperatorRole: role, Tags: own = {} } = input;
      return connectorAnswer(call.connectors.create(call.who, { name, configuration: vpcEgress(input.Configuration), operatorRole: role, tags: own }));
    });
  },
});

export const getNetworkConnector = defineOperation({
  name: 'GetNetworkConnector',
  method: 'GET',
  path: one,
  status: 200,
  input: z.object({ Identifier: connectorIdentifier }),
  run: ({ connectors, who }, { Identifier }) => connectorDetail(connectors.get(who, Identifier)),
});

export const listNetworkConnectors = defineOperation({
  name: 'ListNetworkConnectors',
  method: 'GET',
  path: all,
  status: 200,
  input: z.object({
    State: connectorState.optional(),
    Marker: z.string().optional(),
    MaxItems: queryInteger({ min: 1, max: 100 }).default(maxPage),
  }),
  run({ connectors, pager, who }, { State, Marker, MaxItems }) {
    const scope = { operation: 'ListNetworkConnectors', accountId: who.accountId, of: State };
    const page = connectors.list(who, State, pager.request(scope, { maxResults: Math.min(MaxItems, maxPage), nextToken: Marker }));
    return { NetworkConnectors: page.items.map(connectorSummary), NextMarker: pager.token(scope, page) };
  },
});

export const updateNetworkConnector = defineOperation({
  name: 'UpdateNetworkConnector',
  method: 'PUT',
  path: one,
  status: 202,
  body: true,
  input: z.object({ Identifier: connectorIdentifier, Configuration: connectorConfiguration.optional(), OperatorRole: operatorRole.optional() }),
  run({ connectors, who }, { Identifier, Configuration, OperatorRole }) {
    if (Configuration === undefined && OperatorRole === undefined) {
      throw new ValidationError('Nothing to update: give a Configuration, an OperatorRole or both', 'Configuration');
    }
    const configuration = Configuration === undefined ? undefined : vpcEgress(Configuration);
    return connectorAnswer(connectors.update(who, Identifier, { configuration, operatorRole: OperatorRole }));
  },
});

export const deleteNetworkConnector = defineOperation({
  name: 'DeleteNetworkConnector',
  method: 'DELETE',
  path: one,
  status: 202,
  input: z.object({ Identifier: connectorIdentifier }),
  run: ({ connectors, who }, { Identifier }) => connectorAnswer(connectors.delete(who, Identifier)),
});

/** The union's own check has made sure that its one member is there. */
function vpcEgress({ VpcEgressConfiguration }: z.output<typeof connectorConfiguration>): ConnectorConfiguration {
  if (VpcEgressConfiguration === undefined) throw new ValidationError('Configuration must have a VpcEgressConfiguration', 'Configuration');
  return { VpcEgressConfiguration };
}
