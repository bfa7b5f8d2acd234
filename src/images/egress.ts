import type { ConnectorCatalog } from '../connectors/contracts.js';
import { INTERNET, type LinkOptions } from '../network/contracts.js';
import type { BuildTask } from './task.js';

/** Builds have the internet with no connector as with INTERNET_EGRESS, and with another go through that (spec §3.1). */
export function linkOptionsOf({ accountId, buildId, config }: BuildTask, connectors: Pick<ConnectorCatalog, 'egressOf'>): LinkOptions {
  const { egressNetworkConnectors: arns = [] } = config;
  return { egress: arns.length === 0 ? INTERNET : connectors.egressOf(accountId, arns), user: { id: `build-${buildId}`, accountId } };
}
