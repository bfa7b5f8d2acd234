/** The egress table from inside real MicroVMs, by the connectors they are run with. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { managedConnector } from '../../src/microvms/connectors.js';
import { GUEST_NET } from '../../src/network/contracts.js';
import { runCli } from './support/cli.js';
import { network, PORT, PRIVATE, PUBLIC } from './support/egress-world.js';
import { flaskImage } from './support/images.js';
import { runVm } from './support/microvms.js';
import { Made } from './support/netns.js';
import { closeShared, sharedService } from './support/service.js';

const managed = (name: string): string => managedConnector('us-east-1', name);
const NO_EGRESS = 'arn:aws:lambda:us-east-1:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS';

/** Each line: a name, and whether an answer came; of DNS, whether it was that there is no such name. */
const SCRIPT = `
import socket
def tcp(a, p):
    s = socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET); s.settimeout(2)
    try:
        s.connect((a, p)); return 'yes'
    except OSError: return 'no'
def udp(a, p, data=b'x'):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(8 if p == 53 else 2)
    try:
        s.sendto(data, (a, p)); return s.recv(512)
    except OSError: return None
q = b'\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4name\\4test\\0\\0\\1\\0\\1'
def rcode(a):
    r = udp(a, 53, q); return 'none' if r is None else 'no such name' if r[3] & 15 == 3 else 'answered'
print('public', tcp('${PUBLIC.server}', ${PORT}))
print('public-udp', 'yes' if udp('${PUBLIC.server}', ${PORT}) else 'no')
print('private', tcp('${PRIVATE.server}', ${PORT}))
print('host', 'yes' if 'yes' in [tcp(a, p) for a in ("${PUBLIC.host}", "${PRIVATE.host}", "${GUEST_NET.gatewayIp}") for p in (22, ${String(PORT)})] else 'no')
print('metadata', tcp('${GUEST_NET.serviceIp}', 80))
print('ipv6', tcp('${PUBLIC.server6}', ${PORT}))
print('dns', ', '.join(rcode(a) for a in ('${GUEST_NET.resolvers.join("', '")}')))
`;

describe('egress from inside MicroVMs', () => {
  const made = new Made();
  before(async () => {
    await network(made, 'egv-public', 'egvpub', [`${PUBLIC.host}/24`, `${PUBLIC.host6}/64`], [`${PUBLIC.server}/24`, `${PUBLIC.server6}/64`], [PUBLIC.host, PUBLIC.host6]);
    const server = createServer((socket) => void socket.on('error', () => undefined).end('host')).listen(PORT, '0.0.0.0');
    made.add(() => new Promise((resolve) => server.close(resolve)));
    await network(made, 'egv-private', 'egvpriv', [`${PRIVATE.host}/24`], [`${PRIVATE.server}/24`], [PRIVATE.host]);
  });
  after(async () => {
    await closeShared();
    await made.end();
  });

  const seenFrom = async (egress: string): Promise<Record<string, string>> => {
    const service = await sharedService();
    const vm = await runVm(service, await flaskImage(), { ingressNetworkConnectors: [managed('HTTP_INGRESS'), managed('SHELL_INGRESS')], egressNetworkConnectors: [egress] });
    try {
      await vm.state();
      const { code, stdout, stderr } = await runCli(service, ['exec', vm.id, '--', 'python3', '-c', SCRIPT]);
      assert.equal(code, 0, stderr);
      return Object.fromEntries(stdout.toString().trim().split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]));
    } finally {
      await vm.terminate();
    }
  };

  it('INTERNET_EGRESS: TCP and names, no UDP, no host, no IPv6', async () => {
    const { dns, ...reached } = await seenFrom(managed('INTERNET_EGRESS'));
    // What the resolver of the host says of the name is not known; that it says something is.
    assert.match(dns ?? '', /^((no such name|answered)(, |$)){3}$/);
    assert.deepEqual(reached, { public: 'yes', 'public-udp': 'no', private: 'yes', host: 'no', metadata: 'yes', ipv6: 'no' });
  });

  it('NO_EGRESS: the metadata service alone', async () => {
    assert.deepEqual(await seenFrom(NO_EGRESS), { public: 'no', 'public-udp': 'no', private: 'no', host: 'no', metadata: 'yes', ipv6: 'no', dns: 'no such name, no such name, no such name' });
  });

  it('refuses AWS\'s name for it, and ours beside another', async () => {
    const service = await sharedService();
    await assert.rejects(runVm(service, await flaskImage(), { egressNetworkConnectors: [managed('NO_EGRESS')] }), /Unrecognized managed network connector ARN/);
    await assert.rejects(runVm(service, await flaskImage(), { egressNetworkConnectors: [NO_EGRESS, managed('INTERNET_EGRESS')] }), /cannot be combined/);
  });
});
