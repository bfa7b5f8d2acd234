/** What connectors together let a guest reach. */
import { type Destination, type EgressPolicy, type NameRule, narrower, type NetworkRule, NO_EGRESS } from '../network/contracts.js';
import type { ConnectorConfiguration } from '../store/contracts.js';
import type { Networks, SecurityGroup } from './networks.js';

const EVERYTHING: Destination = { protocol: 'all', ports: [] };

/**
 * The union of them. One beside another opens what it opens alone; on AWS it is not known. Unknown: egress-combined
 */
export function union(policies: readonly EgressPolicy[]): EgressPolicy {
  return policies.reduce((one, other) => ({
    internet: one.internet || other.internet,
    networks: [...one.networks, ...other.networks],
    names: one.names === 'any' || other.names === 'any' ? rulesOrAny(one, other) : [...one.names, ...other.names],
  }), NO_EGRESS);
}

/** Any name resolves when one of them has that, and those with rules open what their rules say besides. */
function rulesOrAny(one: EgressPolicy, other: EgressPolicy): EgressPolicy['names'] {
  const rules = [one, other].flatMap(({ names }) => (names === 'any' ? [] : names));
  return rules.length === 0 ? 'any' : [...rules, { ...EVERYTHING, name: '*', within: [] }];
}

/**
 * Security groups open what of the subnets' networks they name; without one, all. Names resolve as in a VPC, any of them,
 * unless the groups have rules by name: then those alone. Ids that the operator's file does not have open nothing.
 */
export function vpcEgress(networks: Networks | undefined, { VpcEgressConfiguration: vpc }: ConnectorConfiguration): EgressPolicy {
  if (networks === undefined) return NO_EGRESS;
  const cidrs = [...new Set(vpc.SubnetIds.flatMap((id) => networks.subnets.get(id)?.cidrs ?? []))];
  const ids = vpc.SecurityGroupIds ?? [];
  if (ids.length === 0) return { internet: false, networks: cidrs.map((cidr) => ({ ...EVERYTHING, cidr })), names: 'any' };
  const rules = ids.map((id) => networks.securityGroups.get(id)).flatMap((group: SecurityGroup | undefined) => group?.egress ?? []);
  const byRange: NetworkRule[] = [];
  const byName: NameRule[] = [];
  for (const { to, protocol, ports } of rules) {
    if ('name' in to) {
      byName.push({ name: to.name, protocol, ports, within: cidrs });
      continue;
    }
    for (const cidr of cidrs) {
      const common = narrower(to.cidr, cidr);
      if (common !== undefined) byRange.push({ cidr: common, protocol, ports });
    }
  }
  return { internet: false, networks: byRange, names: byName.length === 0 ? 'any' : byName };
}
