/** Two clones of one image share no random bytes, no id and no connection; nor does a resumed one its old connections. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { probeImage } from './support/probe-image.js';
import { type RunningVm, runVm } from './support/microvms.js';
import { closeShared, type Service, sharedService } from './support/service.js';

const run = promisify(execFile);

/** A stand-in for a server on the internet: an address in a namespace of its own (TEST-NET-3). */
const PEER = { netns: 'tdg-test-peer', link: 'tdgtestpeer', here: '203.0.113.1', address: '203.0.113.2' };
/** Accepts and holds connections, and counts them on standard output. */
const SERVER = `import socket
held = []
server = socket.create_server(("${PEER.address}", 7000))
print("listening", flush=True)
while True:
    held.append(server.accept())
    print("accepted", flush=True)
`;

interface Facts {
  readonly kernel: Readonly<Record<string, string>>;
  /** Of processes started for this answer. */
  readonly new: Readonly<Record<string, string>>;
  /** Of processes that had generated before the snapshot. */
  readonly old: Readonly<Record<string, string>>;
  readonly bootId: string;
  readonly mac: string;
  readonly machineId: string;
  readonly hostKey: string;
  readonly hostname: string;
  readonly connections: readonly (string | null)[];
  readonly time: number;
}

async function factsOf(vm: RunningVm): Promise<Facts> {
  const answer = await vm.http.send('/facts');
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body) as Facts;
}

async function post(vm: RunningVm, path: string): Promise<void> {
  const answer = await vm.http.send(path, { method: 'POST' });
  assert.equal(answer.status, 200, answer.body);
}

/** How each connection of the application ended, once the last of them has; null: it has not. */
async function connectionsOf(vm: RunningVm, until: (ends: readonly (string | null)[]) => boolean): Promise<readonly (string | null)[]> {
  for (;;) {
    const ends = JSON.parse((await vm.http.send('/connections')).body) as (string | null)[];
    if (until(ends)) return ends;
    await pause(50);
  }
}

const RESET = 'Software caused connection abort';

describe('clones of one image', { timeout: 600_000 }, () => {
  let service: Service;
  let peer: ChildProcess | undefined;
  let image: string;
  let vms: RunningVm[] = [];
  let facts: [Facts, Facts];

  before(async () => {
    await run('ip', ['netns', 'add', PEER.netns]);
    await run('ip', ['link', 'add', PEER.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', PEER.netns]);
    await run('ip', ['addr', 'add', `${PEER.here}/30`, 'dev', PEER.link]);
    await run('ip', ['link', 'set', PEER.link, 'up']);
    await run('ip', ['-n', PEER.netns, 'addr', 'add', `${PEER.address}/30`, 'dev', 'eth0']);
    await run('ip', ['-n', PEER.netns, 'link', 'set', 'eth0', 'up']);
    peer = spawn('ip', ['netns', 'exec', PEER.netns, 'python3', '-c', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(peer.stdout ?? assert.fail(), 'data');
    service = await sharedService();
    image = await probeImage(service, 'clones', { packages: ['openssh-client', 'crun', 'libyajl2'], node: true, more: { environmentVariables: { PEER: PEER.address } } });
    vms = await Promise.all([runVm(service, image), runVm(service, image)]);
    facts = (await Promise.all(vms.map(factsOf))) as [Facts, Facts];
  });
  after(async () => {
    peer?.kill();
    try {
      await Promise.all(vms.map((vm) => vm.terminate()));
    } finally {
      await closeShared();
      await run('ip', ['link', 'del', PEER.link]);
      await run('ip', ['netns', 'del', PEER.netns]);
    }
  });

  for (const [source, of] of [['getrandom', 'kernel'], ['urandom', 'kernel'], ['secrets', 'kernel'], ['uuid', 'kernel'], ['openssl', 'new'], ['node', 'new']] as const) {
    it(`gives different bytes: ${source} (${of})`, () => {
      const [one, other] = facts.map((each) => each[of][source]);
      assert.ok(one !== undefined && other !== undefined && one.length >= 32);
      assert.notEqual(one, other);
    });
  }

  it('has a boot id, MAC, machine id and host name of its own', () => {
    const [one, other] = facts;
    for (const id of ['bootId', 'mac', 'machineId', 'hostname'] as const) assert.notEqual(one[id], other[id], id);
    assert.match(one.bootId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(one.mac, /^02(:[0-9a-f]{2}){5}$/);
    assert.match(one.machineId, /^[0-9a-f]{32}$/);
    assert.ok(!facts.some(({ machineId }) => machineId === '0123456789abcdef0123456789abcdef'), "none is the image's");
  });

  it('makes an ssh host key of its own', async () => {
    const keys = await Promise.all(vms.map(async (vm) => {
      for (;;) {
        const { hostKey } = await factsOf(vm);
        if (hostKey.split(' ').length === 2) return hostKey; // the image's ends with a comment
        await pause(200);
      }
    }));
    assert.notEqual(keys[0], keys[1]);
  });

  it('resets connections that the template had open, and spares those inside the guest', async () => {
    for (const vm of vms) assert.deepEqual(await connectionsOf(vm, ([outside]) => outside !== null), [RESET, null]);
  });

  it('keeps its ids over a suspension, and resets connections', async () => {
    const vm = vms[0] ?? assert.fail();
    await post(vm, '/connect');
    const was = await factsOf(vm);
    assert.equal(was.connections[2], null, 'the new connection is open');
    await vm.suspend();
    assert.deepEqual(await connectionsOf(vm, (ends) => ends[2] !== null), [RESET, null, RESET]);
    const is = await factsOf(vm);
    for (const id of ['bootId', 'mac', 'machineId', 'hostname', 'hostKey'] as const) assert.equal(is[id], was[id], id);
    assert.notEqual(is.kernel['getrandom'], was.kernel['getrandom']);
    await post(vm, '/connect');
    assert.equal((await factsOf(vm)).connections[3], null, 'the network works');
  });

  // What the platform cannot change: docs/snapshots-and-uniqueness.md tells what an application must do.
  it('does not reach generators inside processes: OpenSSL repeats until it is fed, Python\'s random and Node repeat', async () => {
    const [one, other] = facts;
    assert.equal(one.old['random'], other.old['random']);
    assert.equal(one.old['openssl'], other.old['openssl']);
    assert.equal(one.old['node'], other.old['node']);
    await Promise.all(vms.map((vm) => post(vm, '/reseed')));
    const [fed, fedToo] = await Promise.all(vms.map(factsOf));
    assert.notEqual(fed?.old['openssl'], fedToo?.old['openssl']);
  });
});
