/** A policy as nftables rules of one chain; what it does not allow returns to the caller, which denies it. */
import type { Destination, EgressPolicy, NameRule } from './contracts.js';

/** Where the chain's sets and rules are. */
export interface EgressChain {
  readonly table: string;
  readonly chain: string;
}

/** Addresses one name rule may have open at once. */
const SET_SIZE = 4096;

export function nameSet(chain: string, rule: number): string {
  return `${chain}_name${rule}`;
}

export function nameRules({ names }: EgressPolicy): readonly NameRule[] {
  return names === 'any' ? [] : names;
}

/** Fills a chain that is new or emptied. */
export function egressRules({ table, chain }: EgressChain, policy: EgressPolicy): string {
  const rules: string[] = [];
  const sets: string[] = [];
  if (policy.internet) rules.push('meta nfproto ipv4 meta l4proto tcp');
  for (const rule of policy.networks) rules.push(`ip daddr ${rule.cidr}${destination(rule)}`);
  nameRules(policy).forEach((rule, index) => {
    const set = nameSet(chain, index);
    sets.push(`add set inet ${table} ${set} { type ipv4_addr; flags timeout; size ${SET_SIZE}; }`);
    if (rule.within.length > 0) rules.push(`ip daddr @${set}${destination(rule)}`);
  });
  return [...sets, ...rules.map((rule) => `add rule inet ${table} ${chain} ${rule} goto allowed`)].join('\n');
}

function destination({ protocol, ports }: Destination): string {
  if (protocol === 'all') return '';
  if (protocol === 'icmp') return ' meta l4proto icmp';
  if (ports.length === 0) return ` meta l4proto ${protocol}`;
  return ` ${protocol} dport { ${ports.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(', ')} }`;
}
