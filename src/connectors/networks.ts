/**
 * What the operator says of subnets and security groups: the networks of this host that a subnet leads to, and what of
 * them a security group lets through.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import { isRange, type PortRange } from '../network/contracts.js';
import type { ConnectorConfiguration } from '../store/contracts.js';

export interface Networks {
  readonly subnets: ReadonlyMap<string, Subnet>;
  readonly securityGroups: ReadonlyMap<string, SecurityGroup>;
}

export interface Subnet {
  readonly cidrs: readonly string[];
}

export interface SecurityGroup {
  readonly egress: readonly EgressRule[];
}

/** To a range of addresses, or to what a name resolves to. */
export interface EgressRule {
  readonly to: { readonly cidr: string } | { readonly name: string };
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all';
  readonly ports: readonly PortRange[];
}

/** As in the service's answers (spec §7.2). */
export interface NetworksProblem {
  readonly code: 'InvalidSubnet' | 'InvalidSecurityGroup';
  readonly reason: string;
}

const cidr = z.string().refine(isRange, 'must be an IPv4 range like 10.0.0.0/8');
const PORT = /^(\d{1,5})(?:-(\d{1,5}))?$/;
const ports = z.union([z.number().int(), z.string()]).transform((value, context): PortRange => {
  const [, first, last = first] = PORT.exec(String(value)) ?? [];
  const range = { from: Number(first), to: Number(last) };
  if (first === undefined || range.from < 1 || range.to > 65_535 || range.from > range.to) {
    context.addIssue({ code: 'custom', message: 'must be a port from 1 to 65535, or a range like "8000-8100"' });
  }
  return range;
});
const name = z.string().toLowerCase().regex(/^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/, 'must be a DNS name like example.com or *.example.com').max(253);

const rule = z
  .strictObject({ cidr: cidr.optional(), name: name.optional(), protocol: z.enum(['tcp', 'udp', 'icmp', 'all']).default('tcp'), ports: z.array(ports).max(64).default([]) })
  .transform(({ cidr: range, name: host, protocol, ports: list }, context): EgressRule => {
    if ((range === undefined) === (host === undefined)) context.addIssue({ code: 'custom', message: 'must have either cidr or name' });
    if (list.length > 0 && protocol !== 'tcp' && protocol !== 'udp') context.addIssue({ code: 'custom', message: `protocol ${protocol} has no ports` });
    return { to: range === undefined ? { name: host ?? '' } : { cidr: range }, protocol, ports: disjoint(list) };
  });

const fileSchema = z.strictObject({
  subnets: z.record(z.string().regex(/^subnet-[0-9a-z]*$/, 'must be a subnet id like subnet-0a1b'), z.strictObject({ cidrs: z.array(cidr).min(1).max(64) })),
  securityGroups: z.record(z.string().regex(/^sg-[0-9a-zA-Z]*$/, 'must be a security group id like sg-0a1b'), z.strictObject({ egress: z.array(rule).max(64) })).default({}),
});

/** undefined without a file: no networks are known, and connectors lead nowhere. Unknown: connector-no-networks. Throws OperatorError that names each bad field. */
export async function loadNetworks(path: string | undefined): Promise<Networks | undefined> {
  if (path === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new OperatorError(`TARDIGRADE_NETWORKS_FILE: ${path} cannot be read as JSON (${messageOf(error)})`);
  }
  return parseNetworks(value, path);
}

export function parseNetworks(value: unknown, path: string): Networks {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
    throw new OperatorError(`TARDIGRADE_NETWORKS_FILE: ${path} is not as documented (${places.join('; ')})`);
  }
  return { subnets: new Map(Object.entries(parsed.data.subnets)), securityGroups: new Map(Object.entries(parsed.data.securityGroups)) };
}

/** The first thing the connector names that the operator's file does not have. Unknown: connector-reason-texts */
export function problemOf(networks: Networks | undefined, { VpcEgressConfiguration: vpc }: ConnectorConfiguration): NetworksProblem | undefined {
  if (networks === undefined) return undefined;
  const subnet = vpc.SubnetIds.find((id) => !networks.subnets.has(id));
  if (subnet !== undefined) return { code: 'InvalidSubnet', reason: `The subnet ID '${subnet}' does not exist` };
  const group = vpc.SecurityGroupIds?.find((id) => !networks.securityGroups.has(id));
  return group === undefined ? undefined : { code: 'InvalidSecurityGroup', reason: `The security group '${group}' does not exist` };
}

/** The same ports in ascending ranges with none twice, as nftables wants them. */
function disjoint(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && range.from <= last.to + 1) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    else merged.push(range);
  }
  return merged;
}
