/**
 * The way from a guest to the daemon's services, with a network namespace standing where the guest is: who gets there,
 * as whom, and how far the answers go. Needs root, and no virtual machine.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { GUEST_NET, INTERNET, type Link, type LinkPool, NO_EGRESS, servicePort } from '../../src/network/contracts.js';
import { openLinkPool } from '../../src/network/pool.js';

const run = promisify(execFile);
const ip = (line: string) => run('ip', line.split(' '));
const { serviceIp, metadataPort, apiPort, guestIp, gatewayIp, guestMac, gatewayMac } = GUEST_NET;

/** Where in the world a connection is made. */
type Place = 'guest a' | 'guest b' | 'guest c' | 'container a' | 'container c' | 'host';

describe('services of the daemon for guests', () => {
  const made: string[] = [];
  const servers: Server[] = [];
  const seen: string[] = [];
  let links: LinkPool;
  let a: Link;
  let b: Link;
  /** Of another daemon, whose answers go two hops. */
  let others: LinkPool;
  let c: Link;

  const open = (linkCidr: string, hopLimit: number): Promise<LinkPool> =>
    openLinkPool({ linkCidr, egressDeny: ['169.254.0.0/16'], poolSize: 0, owner: `metadata-links-${process.pid}-${hopLimit}`, logger: pino({ level: 'silent' }), services: { ports: [metadataPort], hopLimit } });

  /** A namespace at the other end of the link's tap, and one in it, as a container with its own network is. */
  async function plugIn(link: Link, name: string): Promise<void> {
    const netns = link.netnsPath.slice('/run/netns/'.length);
    const [guest, container] = [`mdl-${name}`, `mdl-${name}-c`];
    made.push(guest, container);
    for (const line of [
      `netns add ${guest}`, `netns add ${container}`,
      `-n ${netns} link del ${link.tap}`,
      `-n ${netns} link add ${link.tap} address ${gatewayMac} type veth peer name eth0 address ${guestMac} netns ${guest}`,
      `-n ${netns} addr add ${gatewayIp}/30 dev ${link.tap}`, `-n ${netns} link set ${link.tap} up`,
      `-n ${guest} link set lo up`, `-n ${guest} addr add ${guestIp}/30 dev eth0`, `-n ${guest} link set eth0 up`, `-n ${guest} route add default via ${gatewayIp}`,
      `-n ${guest} link add podman0 type veth peer name eth0 netns ${container}`,
      `-n ${guest} addr add 10.88.0.1/16 dev podman0`, `-n ${guest} link set podman0 up`,
      `-n ${container} addr add 10.88.0.2/16 dev eth0`, `-n ${container} link set eth0 up`, `-n ${container} route add default via 10.88.0.1`,
    ]) await ip(line);
    await run('ip', ['netns', 'exec', guest, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward; nft "table ip nat { chain post { type nat hook postrouting priority 100; oifname eth0 masquerade; }; }"']);
  }

  /** What it reads of the service, or how it fails. */
  async function reach(from: Place, address: string, port: number): Promise<string> {
    const script = `const s = require('node:net').connect(${port}, '${address}'); setTimeout(() => { console.log('nothing'); process.exit(); }, 1500).unref(); s.on('data', (d) => { console.log(String(d)); process.exit(); }); s.on('error', (e) => console.log(e.code));`;
    const command = [process.execPath, '-e', script];
    const enter = from === 'host' ? [] : ['ip', 'netns', 'exec', from.replace(/^guest /, 'mdl-').replace(/^container (.*)$/, 'mdl-$1-c')];
    const [program = '', ...args] = [...enter, ...command];
    return (await run(program, args)).stdout.trim();
  }

  const listen = (host: string, port: number, text: string): Promise<void> => {
    const server = createServer((socket) => {
      seen.push(socket.remoteAddress ?? '');
      socket.on('error', () => undefined).end(text);
    });
    servers.push(server);
    return new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  };

  before(async () => {
    links = await open('198.19.64.0/20', 1);
    others = await open('198.19.80.0/20', 2);
    const address = links.services?.address ?? '';
    a = await links.acquire({ egress: INTERNET });
    b = await links.acquire({ egress: NO_EGRESS });
    c = await others.acquire({ egress: NO_EGRESS });
    await plugIn(a, 'a');
    await plugIn(b, 'b');
    await plugIn(c, 'c');
    await listen(address, servicePort(metadataPort), 'metadata');
    await listen(others.services?.address ?? '', servicePort(metadataPort), 'of the other daemon');
    await listen(address, apiPort, 'api');
    await listen('127.0.0.1', metadataPort, 'host');
  });
  after(async () => {
    for (const server of servers) server.close();
    for (const netns of made) await ip(`netns del ${netns}`);
    for (const link of [a, b, c]) await link.release();
    await links.close();
    await others.close();
    const { stdout } = await ip('-o addr show dev lo');
    assert.ok(!stdout.includes(links.services?.address ?? '?'), 'the service address is gone');
  });

  it('each guest gets there, with internet and without, and is known by the address of its link', async () => {
    seen.length = 0;
    assert.equal(await reach('guest a', serviceIp, metadataPort), 'metadata');
    assert.equal(await reach('guest b', serviceIp, metadataPort), 'metadata');
    assert.deepEqual(seen, [a.host, b.host]);
    assert.notEqual(a.host, b.host);
  });

  it('no other port is open there, nor at the address behind it, and no other service of the host', async () => {
    const address = links.services?.address ?? '';
    const elsewhere = others.services?.address ?? '';
    for (const from of ['guest a', 'guest b'] as const) {
      const targets = [[serviceIp, apiPort], [address, apiPort], ['169.254.169.253', metadataPort], [elsewhere, metadataPort]] as const;
      for (const [target, port] of targets) assert.match(await reach(from, target, port), /^(nothing|E[A-Z]+)$/, `${from} to ${target}:${port}`);
    }
    assert.equal(await reach('host', address, apiPort), 'api');
  });

  it('answers live for one hop: a container with its own network in the guest gets none', async () => {
    assert.equal(await reach('container a', serviceIp, metadataPort), 'nothing');
  });

  it('with a limit of two it does', async () => {
    assert.equal(await reach('container c', serviceIp, metadataPort), 'of the other daemon');
    assert.equal(await reach('guest c', serviceIp, metadataPort), 'of the other daemon');
  });

  it('a flood of connections ends in the guest\'s own link, and another guest is served meanwhile', async () => {
    seen.length = 0;
    const script = `const net = require('node:net'); for (let i = 0; i < 1500; i++) net.connect(${metadataPort}, '${serviceIp}').on('error', () => {}).resume(); setTimeout(() => process.exit(), 900);`;
    const flood = run('ip', ['netns', 'exec', 'mdl-a', process.execPath, '-e', script]);
    assert.equal(await reach('guest b', serviceIp, metadataPort), 'metadata');
    await flood;
    const arrived = seen.filter((address) => address === a.host).length;
    assert.ok(arrived >= 100 && arrived < 1500, `${arrived} of 1500`);
  });
});
