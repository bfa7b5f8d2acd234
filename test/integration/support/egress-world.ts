/**
 * A small world around this host's guests: a "public" and a "private" network behind the host, with servers in them, a
 * nameserver, and namespaces that play guests at real links.
 */
import { createSocket } from 'node:dgram';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../../src/clock/index.js';
import { parseNetworks } from '../../../src/connectors/networks.js';
import { createConnectors } from '../../../src/connectors/service.js';
import { type AuditEntry, startAudit } from '../../../src/network/audit/audit.js';
import { GUEST_NET, type Link, type LinkPool, servicePort } from '../../../src/network/contracts.js';
import { createResolver } from '../../../src/network/dns/resolver.js';
import { createDnsServer } from '../../../src/network/dns/server.js';
import { createUpstream } from '../../../src/network/dns/upstream.js';
import type { LinkLimits } from '../../../src/network/link-rules.js';
import { auditGroup, openLinkPool } from '../../../src/network/pool.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import { startNameserver } from './nameserver.js';
import { Made, ip, nodeIn, plugIn, startIn } from './netns.js';

export const ACCOUNT = '000000000000';
export const PUBLIC = { host: '203.0.113.1', server: '203.0.113.10', other: '203.0.113.11', host6: 'fd77:1::1', server6: 'fd77:1::10' };
export const PRIVATE = { host: '10.77.0.1', server: '10.77.0.10', denied: '10.78.0.10' };
export const PORT = 8080;
const LINKS = '198.19.96.0/20';
const DENIED = '10.78.0.0/16';

export const NETWORKS = {
  subnets: { 'subnet-private': { cidrs: ['10.77.0.0/24'] }, 'subnet-all': { cidrs: ['0.0.0.0/0'] } },
  securityGroups: {
    'sg-tcp': { egress: [{ cidr: '0.0.0.0/0', protocol: 'tcp', ports: [PORT] }] },
    'sg-udp': { egress: [{ cidr: '10.0.0.0/8', protocol: 'udp', ports: ['8000-8100'] }] },
    'sg-name': { egress: [{ name: 'allowed.test', protocol: 'tcp', ports: [PORT] }] },
  },
};

/** Answers TCP with `hello` and UDP with what it gets, on IPv4 and IPv6. */
const SERVER = `
const net = require('node:net'); const dgram = require('node:dgram');
const tcp = net.createServer((s) => s.on('error', () => undefined).end('hello')).listen(${PORT}, '::', () => {
  const udp = dgram.createSocket('udp4').on('message', (m, from) => udp.send(m, from.port, from.address)).bind(${PORT}, () => console.log('up'));
});`;

/** What a guest tries; each answers `yes` or `no`. */
export type Probe =
  | { readonly kind: 'tcp'; readonly to: string; readonly port: number; readonly from?: string }
  | { readonly kind: 'udp'; readonly to: string; readonly port: number }
  | { readonly kind: 'dns' | 'dns-tcp'; readonly name: string; readonly server: string }
  /** Resolves the name, then connects. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number };

const PROBES = `
const net = require('node:net'); const dgram = require('node:dgram'); const dns = require('node:dns').promises;
const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms, 'no'));
const tcp = (to, port, from) => new Promise((resolve) => {
  const s = net.connect({ host: to, port, localAddress: from }); s.on('data', () => { s.destroy(); resolve('yes'); }).on('error', () => resolve('no')).on('close', () => resolve('no'));
});
const udp = (to, port) => new Promise((resolve) => {
  const s = dgram.createSocket('udp4').on('message', () => resolve('yes')).on('error', () => resolve('no'));
  s.send('ping', port, to, (error) => error && resolve('no'));
});
const lookup = async (name, server) => { const r = new dns.Resolver({ timeout: 1000, tries: 1 }); r.setServers([server]); return r.resolve4(name); };
const overTcp = (name, server) => new Promise((resolve) => {
  const q = Buffer.concat([Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...name.split('.').map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)])), Buffer.from([0, 0, 1, 0, 1])]);
  const s = net.connect(53, server, () => s.write(Buffer.concat([Buffer.from([0, q.length]), q]))); let got = Buffer.alloc(0);
  s.on('data', (d) => { got = Buffer.concat([got, d]); if (got.length > 8) { resolve((got[5] & 15) === 0 && got.readUInt16BE(8) > 0 ? 'yes' : 'no'); s.destroy(); } }).on('error', () => resolve('no')).on('close', () => resolve('no'));
});
const one = async (p) => {
  try {
    if (p.kind === 'tcp') return await tcp(p.to, p.port, p.from);
    if (p.kind === 'udp') return await udp(p.to, p.port);
    if (p.kind === 'dns') return (await lookup(p.name, p.server)).length > 0 ? 'yes' : 'no';
    if (p.kind === 'dns-tcp') return await overTcp(p.name, p.server);
    return await tcp((await lookup(p.name, '${GUEST_NET.gatewayIp}'))[0], p.port);
  } catch { return 'no'; }
};
Promise.all(JSON.parse(process.argv[1]).map((p) => Promise.race([one(p), late(2500)]))).then((r) => { console.log(JSON.stringify(r)); process.exit(); });`;

export class EgressWorld {
  readonly made = new Made();
  readonly entries: AuditEntry[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), 'tardigrade-egress-'));
  readonly store = openStore(join(this.#dir, 'records.db'));
  readonly connectors = createConnectors({ store: this.store, clock: systemClock, region: 'us-east-1', networks: parseNetworks(NETWORKS, 'test') });
  readonly owner = `egress-test-${process.pid}`;
  links!: LinkPool;
  #links: Link[] = [];
  #guests = 0;

  constructor(private readonly limits?: LinkLimits) {}

  async start(): Promise<void> {
    const { made } = this;
    made.add(() => rm(this.#dir, { recursive: true }));
    made.add(() => Promise.resolve(this.store.close()));
    await network(made, 'egt-public', 'egtpub', [`${PUBLIC.host}/24`, `${PUBLIC.host6}/64`], [`${PUBLIC.server}/24`, `${PUBLIC.other}/24`, `${PUBLIC.server6}/64`], [PUBLIC.host, PUBLIC.host6]);
    await network(made, 'egt-private', 'egtpriv', [`${PRIVATE.host}/24`, '10.78.0.1/24'], [`${PRIVATE.server}/24`, `${PRIVATE.denied}/24`], [PRIVATE.host]);
    await this.#hostServer();
    const nameserver = await startNameserver({ 'allowed.test': PUBLIC.server, 'other.test': PUBLIC.other, 'rebind.test': PRIVATE.host, 'local.test': '169.254.169.254' });
    made.add(() => nameserver.close());
    await this.open();
    const resolver = createResolver({
      links: { usedFor: (host) => this.links.usedFor(host), opened: (...args) => this.links.opened(...args) },
      upstream: createUpstream(() => Promise.resolve([nameserver])),
      denied: () => ['127.0.0.0/8', '169.254.0.0/16', LINKS, DENIED, PRIVATE.host, PUBLIC.host],
      told: (event) => audit.resolved(event),
      complain: (error) => console.error(error),
    });
    const audit = startAudit({
      group: auditGroup(this.owner), links: { usedFor: (host) => this.links.usedFor(host) }, now: Date.now,
      write: (_user, entries) => void this.entries.push(...entries), complain: (error) => console.error(error),
    });
    made.add(() => Promise.resolve(audit.close()));
    const server = createDnsServer({ resolver, steady: () => systemClock.steady(), complain: (error) => console.error(error) });
    const address = this.links.services?.address ?? '';
    await server.listen(address, servicePort(GUEST_NET.dnsPort));
    made.add(() => server.close());
    await this.#listen(address, servicePort(GUEST_NET.metadataPort));
  }

  /** A pool, or the next after {@link LinkPool.close} with `keepRules`. */
  async open(): Promise<void> {
    this.#links = [];
    this.links = await openLinkPool({
      linkCidr: LINKS, egressDeny: [DENIED], poolSize: 1, owner: this.owner, logger: pino({ level: 'silent' }),
      services: { ports: [GUEST_NET.metadataPort], hopLimit: 1 }, audit: ['allow', 'deny'], ...(this.limits === undefined ? {} : { limits: this.limits }),
    });
  }

  /** ARN of a customer connector that is ACTIVE. */
  connector(subnet: string, ...groups: string[]): string {
    const { id, arn } = this.connectors.create({ accountId: ACCOUNT, accessKeyId: 'AK' }, {
      name: [subnet, ...groups].join('_'), operatorRole: 'arn:aws:iam::000000000000:role/op', tags: {},
      configuration: { VpcEgressConfiguration: { SubnetIds: [subnet], SecurityGroupIds: groups } },
    });
    this.store.updateConnector(id, { state: 'ACTIVE', lastUpdateStatus: 'Successful' });
    return arn;
  }

  /** A guest with these connectors; answers its namespace and link. */
  async guest(connectors: readonly string[], id = `vm-${this.#guests}`): Promise<{ readonly netns: string; readonly link: Link }> {
    const netns = `egt-guest${this.#guests++}`;
    const link = await this.links.acquire({ egress: this.connectors.egressOf(ACCOUNT, connectors), user: { id, accountId: ACCOUNT } });
    this.#links.push(link);
    await plugIn(this.made, link, netns);
    await ip(`-n ${netns} addr add fd77:9::2/64 dev eth0 nodad`, `-n ${netns} neigh add fe80::1 lladdr ${GUEST_NET.gatewayMac} dev eth0`, `-n ${netns} route add default via fe80::1 dev eth0`);
    return { netns, link };
  }

  /** Takes a link over that an earlier pool left; the others of that pool are swept. */
  adopt(link: Link, connectors: readonly string[]): void {
    const adopted = this.links.adopt(link.netnsPath, { egress: this.connectors.egressOf(ACCOUNT, connectors) });
    if (adopted === undefined) throw new Error(`${link.netnsPath} was not taken over`);
    this.#links.push(adopted);
  }

  async until(condition: () => boolean, what: string | (() => string)): Promise<void> {
    const limit = Date.now() + 10_000;
    while (!condition()) {
      if (Date.now() > limit) throw new Error(typeof what === 'string' ? `never came: ${what}` : what());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async probe(netns: string, probes: readonly Probe[]): Promise<string[]> {
    return JSON.parse(await nodeIn(netns, PROBES, JSON.stringify(probes))) as string[];
  }

  async end(): Promise<void> {
    await this.made.end();
    for (const link of this.#links) await link.release();
    await this.links.close();
  }

  #listen(host: string, port: number): Promise<void> {
    const server = createServer((socket) => void socket.on('error', () => undefined).end('hello'));
    this.made.add(() => new Promise((resolve) => server.close(resolve)));
    return new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  }

  /** On every address of the host. */
  async #hostServer(): Promise<void> {
    await this.#listen('::', PORT);
    const udp = createSocket('udp4');
    udp.on('message', (message, from) => udp.send(message, from.port, from.address));
    await new Promise<void>((resolve) => udp.bind(PORT, resolve));
    this.made.add(() => new Promise<void>((resolve) => udp.close(resolve)));
  }
}

/** A namespace with a server, behind an interface of the host. */
export async function network(made: Made, netns: string, device: string, hosts: readonly string[], addresses: readonly string[], gateways: readonly string[]): Promise<void> {
  await made.netns(netns);
  await ip(
    `link add ${device} type veth peer name eth0 netns ${netns}`,
    ...hosts.map((address) => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`), `link set ${device} up`,
    ...addresses.map((address) => `-n ${netns} addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`), `-n ${netns} link set eth0 up`,
    ...gateways.map((gateway) => `-n ${netns} route add default via ${gateway}`),
  );
  await startIn(made, netns, [process.execPath, '-e', SERVER]);
}
