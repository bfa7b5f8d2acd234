/** From the operator's file and a connector's ids to what a guest may reach. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { union, vpcEgress } from '../../../src/connectors/egress.js';
import { loadNetworks, parseNetworks, problemOf } from '../../../src/connectors/networks.js';
import { OperatorError } from '../../../src/errors/index.js';
import { INTERNET, NO_EGRESS } from '../../../src/network/contracts.js';
import type { ConnectorConfiguration } from '../../../src/store/contracts.js';

const NETWORKS = parseNetworks({
  subnets: { 'subnet-a': { cidrs: ['10.0.0.0/16'] }, 'subnet-b': { cidrs: ['10.9.0.0/24', '0.0.0.0/0'] } },
  securityGroups: {
    'sg-web': { egress: [{ cidr: '10.0.1.0/24', ports: ['8000-8100', 443, 444, 8050] }, { cidr: '192.168.0.0/16', protocol: 'udp' }] },
    'sg-all': { egress: [{ cidr: '0.0.0.0/0', protocol: 'all' }] },
    'sg-name': { egress: [{ name: '*.Example.com', ports: [443] }] },
    'sg-none': { egress: [] },
  },
}, 'test');

const vpc = (SubnetIds: string[], SecurityGroupIds?: string[]): ConnectorConfiguration => ({ VpcEgressConfiguration: { SubnetIds, SecurityGroupIds } });
const ALL = { protocol: 'all', ports: [] } as const;

test('without a security group, all of the subnets\' ranges', () => {
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-a'])), { internet: false, networks: [{ ...ALL, cidr: '10.0.0.0/16' }], names: 'any' });
});

test('security groups let through what they name of the ranges, and ports are merged', () => {
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-a'], ['sg-web'])), {
    internet: false, names: 'any', networks: [{ cidr: '10.0.1.0/24', protocol: 'tcp', ports: [{ from: 443, to: 444 }, { from: 8000, to: 8100 }] }],
  });
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-a', 'subnet-b'], ['sg-all'])).networks.map(({ cidr }) => cidr), ['10.0.0.0/16', '10.9.0.0/24', '0.0.0.0/0']);
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-a'], ['sg-none'])), { ...NO_EGRESS, names: 'any' });
});

test('rules by name close all other names, and open within the subnets alone', () => {
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-a'], ['sg-name'])), {
    internet: false, networks: [], names: [{ name: '*.example.com', protocol: 'tcp', ports: [{ from: 443, to: 443 }], within: ['10.0.0.0/16'] }],
  });
});

test('several connectors open what each opens', () => {
  const named = vpcEgress(NETWORKS, vpc(['subnet-a'], ['sg-name']));
  assert.deepEqual(union([]), NO_EGRESS);
  assert.deepEqual(union([INTERNET]), INTERNET);
  const both = union([named, INTERNET]);
  assert.equal(both.internet, true);
  assert.deepEqual(both.names === 'any' ? [] : both.names.map(({ name, within }) => [name, within]), [['*.example.com', ['10.0.0.0/16']], ['*', []]]);
});

test('ids that are not in the file are a problem, subnets first; without a file nothing is, and nothing opens', () => {
  assert.deepEqual(problemOf(NETWORKS, vpc(['subnet-a', 'subnet-x'], ['sg-x'])), { code: 'InvalidSubnet', reason: 'The subnet ID \'subnet-x\' does not exist' });
  assert.equal(problemOf(NETWORKS, vpc(['subnet-a'], ['sg-web', 'sg-x']))?.code, 'InvalidSecurityGroup');
  assert.equal(problemOf(NETWORKS, vpc(['subnet-a'], ['sg-web'])), undefined);
  assert.equal(problemOf(undefined, vpc(['subnet-x'])), undefined);
  assert.deepEqual(vpcEgress(undefined, vpc(['subnet-a'])), NO_EGRESS);
  assert.deepEqual(vpcEgress(NETWORKS, vpc(['subnet-x'], ['sg-x'])).networks, []);
});

test('a bad file is refused with the places of its faults', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-networks-'));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, 'networks.json');
  const subnets = { 'subnet-a': { cidrs: ['10.0.0.0/8'] } };
  const rule = (more: object) => ({ subnets, securityGroups: { 'sg-a': { egress: [more] } } });
  const bad: readonly [unknown, RegExp][] = [
    [{}, /subnets: /],
    [{ subnets: { 'subnet-a': { cidrs: ['10.0.0.0/33'] } } }, /subnets\.subnet-a\.cidrs\.0: must be an IPv4 range/],
    [{ subnets: { 'subnet-a': { cidrs: ['10.0.0.0'] } } }, /cidrs\.0: must be an IPv4 range/],
    [{ subnets: { vpc: { cidrs: ['10.0.0.0/8'] } } }, /subnets\.vpc: /],
    [{ subnets, more: 1 }, /more/],
    [rule({ cidr: '10.0.0.0/8', name: 'a.test' }), /securityGroups\.sg-a\.egress\.0: must have either cidr or name/],
    [rule({ ports: [80] }), /egress\.0: must have either/],
    [rule({ cidr: '10.0.0.0/8', ports: [0] }), /egress\.0\.ports\.0: must be a port/],
    [rule({ cidr: '10.0.0.0/8', ports: ['90-80'] }), /ports\.0: must be a port/],
    [rule({ cidr: '10.0.0.0/8', ports: ['80; flush ruleset'] }), /ports\.0: must be a port/],
    [rule({ cidr: '10.0.0.0/8', protocol: 'icmp', ports: [80] }), /protocol icmp has no ports/],
    [rule({ name: 'a.*.test' }), /name: must be a DNS name/],
  ];
  for (const [value, message] of bad) {
    await writeFile(path, JSON.stringify(value));
    await assert.rejects(loadNetworks(path), (error) => error instanceof OperatorError && message.test(error.message) && error.message.includes('TARDIGRADE_NETWORKS_FILE'), JSON.stringify(value));
  }
  await writeFile(path, '{');
  await assert.rejects(loadNetworks(path), /cannot be read as JSON/);
  assert.equal(await loadNetworks(undefined), undefined);
});
