/** Guests' resolver, over real sockets: what it passes on, what it keeps to itself, and how much one guest may ask. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { Resolver } from 'node:dns/promises';
import { test, type TestContext } from 'node:test';
import { type EgressPolicy, INTERNET, type LinkOptions, NO_EGRESS } from '../../../src/network/contracts.js';
import { createResolver, type ResolverEvent } from '../../../src/network/dns/resolver.js';
import { createDnsServer, DNS_LIMITS } from '../../../src/network/dns/server.js';
import { createUpstream, serversIn, type Server } from '../../../src/network/dns/upstream.js';
import { startNameserver, type NameserverOptions } from '../../integration/support/nameserver.js';

const NAMES = {
  'good.test': '192.0.2.1', 'api.example.com': '192.0.2.2', 'example.com': '192.0.2.3', 'inside.test': '10.1.2.3', 'local.test': '169.254.169.254', 'loop.test': '127.0.0.1',
};
const BY_NAME: EgressPolicy = { internet: false, networks: [], names: [{ name: '*.example.com', protocol: 'tcp', ports: [], within: ['0.0.0.0/0'] }] };

async function world(t: TestContext, egress: EgressPolicy | undefined, options: NameserverOptions = {}, before: readonly Server[] = []) {
  const nameserver = await startNameserver(NAMES, options);
  const opened: unknown[] = [];
  const told: ResolverEvent[] = [];
  const complaints: string[] = [];
  let now = 0;
  const use: LinkOptions | undefined = egress && { egress };
  const resolver = createResolver({
    links: { usedFor: () => use, opened: (host, name, addresses, seconds) => Promise.resolve(void opened.push([host, name, addresses, seconds])) },
    upstream: createUpstream(() => Promise.resolve([...before, nameserver])),
    denied: () => ['10.0.0.0/8', '169.254.0.0/16', '127.0.0.0/8'],
    told: (event) => told.push(event),
    complain: (error) => complaints.push(error),
  });
  const server = createDnsServer({ resolver, steady: () => now, complain: (error) => complaints.push(error) });
  const { port } = await server.listen('127.0.0.1', 0);
  t.after(async () => {
    await server.close();
    await nameserver.close();
  });
  const client = new Resolver({ timeout: 3000, tries: 1 });
  client.setServers([`127.0.0.1:${port}`]);
  const ask = (name: string) => client.resolve4(name).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  return { nameserver, opened, told, complaints, port, ask, pass: (ms: number) => (now += ms) };
}

test('any name with the internet; a name that leads inside is no name', async (t) => {
  const w = await world(t, INTERNET);
  assert.deepEqual(await w.ask('good.test'), ['192.0.2.1']);
  assert.equal(await w.ask('none.test'), 'ENOTFOUND');
  for (const name of ['inside.test', 'local.test', 'loop.test']) assert.equal(await w.ask(name), 'ENOTFOUND', name);
  assert.deepEqual(w.told.map(({ name, verdict }) => [name, verdict]), [['good.test', 'allow'], ['inside.test', 'deny'], ['local.test', 'deny'], ['loop.test', 'deny']]);
  assert.deepEqual(w.opened, []);
});

test('by name: those below it, opened before they are told; of others the upstream does not hear', async (t) => {
  const w = await world(t, BY_NAME, { ttl: 5 });
  assert.deepEqual(await w.ask('API.example.com'), ['192.0.2.2']);
  assert.deepEqual(w.opened, [['127.0.0.1', 'api.example.com', ['192.0.2.2'], 120]]);
  for (const name of ['example.com', 'good.test', 'api.example.com.evil.test', 'notexample.com']) assert.equal(await w.ask(name), 'ENOTFOUND', name);
  assert.deepEqual(w.nameserver.asked, ['api.example.com']);
});

test('no egress has no names, and who has no link gets no answer', async (t) => {
  const w = await world(t, NO_EGRESS);
  assert.equal(await w.ask('good.test'), 'ENOTFOUND');
  assert.deepEqual(w.nameserver.asked, []);
  const nobody = await world(t, undefined);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  let heard = 0;
  socket.on('message', () => heard++);
  await new Promise<void>((resolve) => socket.send(Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), nobody.port, '127.0.0.1', () => resolve()));
  assert.equal(await closedBy(nobody.port), 'closed');
  assert.equal(heard, 0);
});

test('what does not fit over UDP is fetched over TCP', async (t) => {
  const w = await world(t, INTERNET, { truncate: true });
  assert.deepEqual(await w.ask('good.test'), ['192.0.2.1']);
});

test('a server there is no way to, of any kind, is passed over', async (t) => {
  // Neither can be connected to, each for another reason; the last refuses.
  const nowhere = ['fe80::1', '255.255.255.255', '::ffff:127.0.0.1'].map((address) => ({ address, port: 9 }));
  const w = await world(t, INTERNET, {}, nowhere);
  assert.deepEqual(await w.ask('good.test'), ['192.0.2.1']);
});

test('an upstream that is not there is a failure of the server, and is told', async (t) => {
  const w = await world(t, INTERNET);
  await w.nameserver.close();
  assert.equal(await w.ask('good.test'), 'ESERVFAIL');
  assert.match(w.complaints.join(), /127\.0\.0\.1/);
  t.mock.method(w.nameserver, 'close', () => Promise.resolve());
});

test('one guest has a rate; what is over gets no answer, and time gives it back', async (t) => {
  const w = await world(t, NO_EGRESS);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const query = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1]);
  let answers = 0;
  let wake: () => void = () => undefined;
  socket.on('message', () => {
    answers++;
    wake();
  });
  const until = async (count: number): Promise<void> => {
    while (answers < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  for (let n = 0; n < DNS_LIMITS.burst; n++) {
    socket.send(query, w.port, '127.0.0.1');
    await until(n + 1);
  }
  for (let n = 0; n < 20; n++) socket.send(query, w.port, '127.0.0.1');
  // TCP shares the account: that it is refused there too shows that the 20 before it were not answered late.
  assert.equal(await closedBy(w.port), 'closed');
  assert.equal(answers, DNS_LIMITS.burst);
  w.pass(50);
  socket.send(query, w.port, '127.0.0.1');
  await until(DNS_LIMITS.burst + 1);
});

test('nameservers of the host: three at most, of both families, comments left out', () => {
  assert.deepEqual(serversIn('# nameserver 1.1.1.1\nsearch a\nnameserver 127.0.0.53\n nameserver fe80::1%eth0 # x\nnameserver nonsense\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n').map(({ address }) => address), ['127.0.0.53', 'fe80::1%eth0', '10.0.0.2']);
});

/** Asks over TCP; `closed` when the connection ends without an answer. */
function closedBy(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 19, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1])));
    socket.once('data', () => {
      socket.destroy();
      resolve('answered');
    });
    socket.once('error', () => resolve('closed')).once('close', () => resolve('closed'));
  });
}
