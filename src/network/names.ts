/** Which names a policy's resolver answers, and what their addresses open. */
import type { EgressPolicy } from './contracts.js';
import { nameRules } from './egress-rules.js';
import { within } from './ranges.js';

/** `name`: lower case, without a dot at the end. */
export function mayResolve(policy: EgressPolicy, name: string): boolean {
  return policy.names === 'any' || policy.names.some((rule) => matches(rule.name, name));
}

/** The addresses that each name rule of the policy opens, by the rule's number. */
export function openedBy(policy: EgressPolicy, name: string, addresses: readonly string[]): Map<number, string[]> {
  const opened = new Map<number, string[]>();
  nameRules(policy).forEach((rule, index) => {
    if (!matches(rule.name, name)) return;
    const inside = addresses.filter((address) => within(rule.within, address));
    if (inside.length > 0) opened.set(index, inside);
  });
  return opened;
}

function matches(rule: string, name: string): boolean {
  if (rule === '*') return true;
  return rule.startsWith('*.') ? name.endsWith(rule.slice(1)) && name.length > rule.length - 1 : name === rule;
}
