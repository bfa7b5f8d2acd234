/**
 * The egress matrix: what a guest reaches by its connectors, as the table in docs/networking.md says it, cell by cell, with
 * packets. A process in a namespace stands where the VM is, at the link's own tap. Needs root, and no virtual machine.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { managedConnector } from '../../src/microvms/connectors.js';
import { GUEST_NET } from '../../src/network/contracts.js';
import { EgressWorld, PORT, PRIVATE, type Probe, PUBLIC } from './support/egress-world.js';
import { ip, nodeIn, startIn } from './support/netns.js';

const run = promisify(execFile);

const { gatewayIp, serviceIp, metadataPort, resolvers } = GUEST_NET;
const NO_EGRESS = 'arn:aws:lambda:us-east-1:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS';

/** Columns of the table. All probes of one must answer the same. */
const COLUMNS: Readonly<Record<string, readonly Probe[]>> = {
  'public TCP': [{ kind: 'tcp', to: PUBLIC.other, port: PORT }],
  'public UDP': [{ kind: 'udp', to: PUBLIC.other, port: PORT }],
  'private TCP': [{ kind: 'tcp', to: PRIVATE.server, port: PORT }],
  'private UDP': [{ kind: 'udp', to: PRIVATE.server, port: PORT }],
  'denied range': [{ kind: 'tcp', to: PRIVATE.denied, port: PORT }, { kind: 'udp', to: PRIVATE.denied, port: PORT }],
  'an allowed name': [{ kind: 'name', name: 'allowed.test', port: PORT }],
  'DNS, any name': [...resolvers.map((server) => ({ kind: 'dns', name: 'other.test', server }) as const), { kind: 'dns-tcp', name: 'other.test', server: gatewayIp }],
  metadata: [{ kind: 'tcp', to: serviceIp, port: metadataPort }],
  'link-local': [{ kind: 'tcp', to: '169.254.170.2', port: 80 }, { kind: 'tcp', to: serviceIp, port: PORT }, { kind: 'udp', to: serviceIp, port: PORT }],
  host: [PUBLIC.host, PRIVATE.host, gatewayIp].flatMap((to) => [{ kind: 'tcp', to, port: PORT } as const, { kind: 'udp', to, port: PORT } as const]),
  IPv6: [{ kind: 'tcp', to: PUBLIC.server6, port: PORT }, { kind: 'tcp', to: PUBLIC.host6, port: PORT }],
};

describe('egress', () => {
  const world = new EgressWorld();
  let rows: Map<string, Readonly<Record<string, string>>>;
  before(async () => {
    rows = tableOf(await readFile(new URL('../../docs/networking.md', import.meta.url), 'utf8'));
    await world.start();
  });
  after(() => world.end());

  const connectorsOf = (row: string): string[] => {
    const subnet = { 'customer, no security group': [], 'customer, security group with TCP': ['sg-tcp'], 'customer, security group with UDP': ['sg-udp'] }[row];
    if (subnet !== undefined) return [world.connector('subnet-private', ...subnet)];
    if (row === 'customer, security group with a name') return [world.connector('subnet-all', 'sg-name')];
    if (row === 'customer and `INTERNET_EGRESS`') return [world.connector('subnet-private', 'sg-udp', 'sg-tcp'), managedConnector('us-east-1', 'INTERNET_EGRESS')];
    if (row === 'our `NO_EGRESS`') return [NO_EGRESS];
    assert.equal(row, '`INTERNET_EGRESS`', 'a row of the table that this test does not know');
    return [managedConnector('us-east-1', 'INTERNET_EGRESS')];
  };

  it('is the documented table, cell by cell; and no guest reaches another', async () => {
    assert.equal(rows.size, 7);
    let neighbour: string | undefined;
    for (const [row, cells] of rows) {
      const { netns, link } = await world.guest(connectorsOf(row), row);
      const measured: Record<string, string> = {};
      const probes = Object.entries(COLUMNS).flatMap(([column, list]) => list.map((probe) => ({ column, probe })));
      const answers = await world.probe(netns, probes.map(({ probe }) => probe));
      for (const [column] of Object.entries(COLUMNS)) {
        const values = new Set(answers.filter((_, index) => probes[index]?.column === column));
        measured[column] = [...values].join(' and ');
      }
      const others = neighbour === undefined ? [] : await world.probe(netns, [{ kind: 'tcp', to: neighbour, port: GUEST_NET.agentPort }, { kind: 'udp', to: neighbour, port: PORT }]);
      measured['other VM'] = others.includes('yes') ? 'yes' : 'no';
      assert.deepEqual(measured, cells, row);
      neighbour = link.host;
    }
  });

  it('nothing from outside comes to a guest, only the daemon, to the agent', async () => {
    const { netns, link } = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    for (const port of [GUEST_NET.agentPort, PORT]) {
      await startIn(world.made, netns, [process.execPath, '-e', `require('node:net').createServer((s) => s.end('hello')).listen(${port}, () => console.log('up'))`]);
    }
    await ip(`-n egt-public route add ${link.host} via ${PUBLIC.host}`);
    assert.deepEqual(await world.probe('egt-public', [{ kind: 'tcp', to: link.host, port: GUEST_NET.agentPort }, { kind: 'tcp', to: link.host, port: PORT }]), ['no', 'no']);
    const text = await new Promise<string>((resolve) => connect(GUEST_NET.agentPort, link.host).once('data', (data) => resolve(data.toString())).once('error', (error) => resolve(error.message)));
    assert.equal(text, 'hello');
  });

  it('a spoofed source, IP or MAC, comes nowhere; the gateway\'s neighbour stays the guest', async () => {
    const { netns } = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')], 'spoofer');
    const other = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    const seen = (): number => world.entries.filter(({ id }) => id === 'spoofer').length;
    const probe: Probe = { kind: 'tcp', to: PUBLIC.server, port: PORT };
    assert.deepEqual(await world.probe(netns, [probe]), ['yes']);
    await world.until(() => seen() === 1, 'the honest connection is in the log');
    for (const address of ['172.31.255.9', other.link.host, PRIVATE.server, PUBLIC.host]) {
      await ip(`-n ${netns} addr add ${address}/32 dev eth0`);
      assert.deepEqual(await world.probe(netns, [{ ...probe, from: address }]), ['no'], address);
    }
    for (const mac of ['00:16:3e:00:00:99', GUEST_NET.gatewayMac]) {
      await ip(`-n ${netns} link set eth0 address ${mac}`);
      assert.deepEqual(await world.probe(netns, [probe]), ['no'], mac);
    }
    await ip(`-n ${netns} link set eth0 address ${GUEST_NET.guestMac}`, `-n ${netns} route replace default via ${gatewayIp}`);
    assert.deepEqual(await world.probe(netns, [probe]), ['yes']);
    await world.until(() => seen() >= 2, 'the second honest connection is in the log');
    assert.equal(seen(), 2, 'nothing that was spoofed left the tap');
  });

  it('names lead nowhere inside, and are asked of the upstream only if they may be', async () => {
    const { netns } = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    const ask = (name: string): Probe => ({ kind: 'dns', name, server: gatewayIp });
    assert.deepEqual(await world.probe(netns, ['allowed.test', 'rebind.test', 'local.test', 'none.test'].map(ask)), ['yes', 'no', 'no', 'no']);
  });

  it('each new connection is in the log, allowed and denied, with the name it was resolved from', async () => {
    const { netns } = await world.guest([world.connector('subnet-all', 'sg-name', 'sg-udp')], 'logged');
    world.entries.length = 0;
    await world.probe(netns, [{ kind: 'name', name: 'allowed.test', port: PORT }, { kind: 'tcp', to: PUBLIC.other, port: PORT }, { kind: 'tcp', to: PRIVATE.host, port: PORT }, { kind: 'dns', name: 'other.test', server: gatewayIp }]);
    const has = (entry: object) => world.entries.some(({ time, ...rest }) => !Number.isNaN(Date.parse(time)) && JSON.stringify(rest) === JSON.stringify({ id: 'logged', ...entry }));
    const wanted = [
      { protocol: 'tcp', destination: PUBLIC.server, port: PORT, name: 'allowed.test', verdict: 'allow' },
      { protocol: 'tcp', destination: PUBLIC.other, port: PORT, verdict: 'deny' },
      { protocol: 'tcp', destination: PRIVATE.host, port: PORT, verdict: 'deny' },
      { protocol: 'dns', name: 'other.test', verdict: 'deny' },
    ];
    await world.until(() => wanted.every(has), () => `${JSON.stringify(wanted.filter((entry) => !has(entry)))} are not among ${JSON.stringify(world.entries)}`);
  });

  it('a link outlives its daemon with its policy, and until it is taken over opens nothing new', async () => {
    const denied = await world.guest([NO_EGRESS], 'denied');
    const open = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')], 'open');
    const probes: Probe[] = [{ kind: 'tcp', to: PUBLIC.server, port: PORT }, { kind: 'dns', name: 'other.test', server: gatewayIp }];
    const before = [await world.probe(denied.netns, probes), await world.probe(open.netns, probes)];
    await world.links.close({ keepRules: true });
    assert.deepEqual([await world.probe(denied.netns, probes.slice(0, 1)), await world.probe(open.netns, probes.slice(0, 1))], [['no'], ['yes']], 'without a daemon');
    await world.open();
    assert.deepEqual([await world.probe(denied.netns, probes.slice(0, 1)), await world.probe(open.netns, probes.slice(0, 1))], [['no'], ['no']], 'not taken over yet');
    world.adopt(denied.link, [NO_EGRESS]);
    world.adopt(open.link, [managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    await world.links.sweep();
    assert.deepEqual([await world.probe(denied.netns, probes), await world.probe(open.netns, probes)], before);
    assert.deepEqual(before, [['no', 'no'], ['yes', 'yes']]);
  });
});

describe('floods of one guest', () => {
  const world = new EgressWorld({ packets: 2000, newConnections: 20, connections: 30 });
  before(() => world.start());
  after(() => world.end());

  it('new connections beyond the rate, and beyond what is tracked at once, are dropped; the neighbour connects as before', async () => {
    const { netns, link } = await world.guest([world.connector('subnet-private')], 'flood');
    const neighbour = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    // 500 flows of UDP, each from a port of its own, faster than the rate lets through.
    const script = `const dgram = require('node:dgram'); let left = 500; for (let n = 0; n < 500; n++) { const s = dgram.createSocket('udp4'); s.send('x', ${PORT}, '${PRIVATE.server}', () => { s.close(); if (--left === 0) console.log('sent'); }); }`;
    assert.equal(await nodeIn(netns, script), 'sent');
    const tracked = Number((await run('nsenter', [`--net=${link.netnsPath}`, 'cat', '/proc/sys/net/netfilter/nf_conntrack_count'])).stdout);
    assert.ok(tracked >= 20 && tracked <= 31, `${tracked} connections are tracked`);
    assert.deepEqual(await world.probe(neighbour.netns, [{ kind: 'tcp', to: PUBLIC.server, port: PORT }, { kind: 'dns', name: 'other.test', server: gatewayIp }]), ['yes', 'yes']);
  });

  it('packets beyond the rate are dropped at the tap', async () => {
    const { netns, link } = await world.guest([managedConnector('us-east-1', 'INTERNET_EGRESS')]);
    const forwarded = async (): Promise<number> => Number((await run('nsenter', [`--net=${link.netnsPath}`, 'sh', '-c', 'grep "^Ip:" /proc/net/snmp | tail -1'])).stdout.split(' ')[3]);
    const before = await forwarded();
    const started = Date.now();
    const script = `const s = require('node:dgram').createSocket('udp4'); let left = 30000; const go = () => { if (left-- === 0) { console.log('sent'); s.close(); return; } s.send('x', 9, '${PRIVATE.server}', go); }; go();`;
    assert.equal(await nodeIn(netns, script), 'sent');
    const seconds = (Date.now() - started) / 1000;
    const passed = (await forwarded()) - before;
    assert.ok(passed <= 2000 * (seconds + 1) + 50, `${passed} packets in ${seconds} s`);
    assert.ok(passed < 29_000 && passed > 0, `${passed} packets`);
  });
});

/** The table under "## Egress by connector": its rows by their first cell. */
function tableOf(markdown: string): Map<string, Readonly<Record<string, string>>> {
  const section = markdown.slice(markdown.indexOf('## Egress by connector'));
  const lines = section.slice(section.indexOf('\n|')).trim().split(/\n(?!\|)/)[0]?.split('\n') ?? [];
  const cells = lines.map((line) => line.slice(1, -1).split('|').map((cell) => cell.trim()));
  const [head = [], , ...body] = cells;
  return new Map(body.map((row) => [row[0] ?? '', Object.fromEntries(head.slice(1).map((column, index) => [column, row[index + 1] ?? '']))]));
}
