/**
 * The jail, seen from inside by a probe that is started as a VMM is, in its place, and from outside by the host. What a
 * VMM has is listed here in full: a file, mount, descriptor or call more fails a test.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { goBuild } from '../../src/assets/go.js';
import { createOverlay } from '../../src/engine/qcow2.js';
import { FD, type Jail, machineFiles, savedStateOf, type VmmSpec } from '../../src/engine/qemu/jail.js';
import { startVmm, type VmmProcess } from '../../src/engine/qemu/process.js';
import { findVmms, netnsOf } from '../../src/engine/qemu/survivors.js';
import { type Link, type LinkPool, NO_EGRESS } from '../../src/network/contracts.js';
import { type EngineHost, openEngineHost } from './support/engine-host.js';

const run = promisify(execFile);
const PROBE_DIR = fileURLToPath(new URL('../apps/probe', import.meta.url));
const MIB = 1024 * 1024;

/** As test/apps/probe tells it. */
interface Report {
  readonly Calls: Readonly<Record<string, string>>;
  readonly Refused: Readonly<Record<string, number>>;
  readonly Other: Readonly<Record<string, string>>;
}

describe('jail', () => {
  let dir: string;
  let runDir: string;
  let jail: Jail;
  let links: LinkPool;
  let base: string;
  let ram: string;
  /** Another VM's disk, and a key: what must be out of reach. */
  let secrets: string[];
  let held: EngineHost['held'];
  let host: EngineHost;

  async function freshLink(): Promise<Link> {
    const link = await links.acquire({ egress: NO_EGRESS });
    held.push(() => link.release());
    return link;
  }
  /** What a clone is started with, the probe in QEMU's place. */
  async function cloneSpec(id: string, more: Partial<Omit<VmmSpec, 'link'>> = {}): Promise<{ spec: VmmSpec & { readonly link: Link }; vmDir: string; layer: string }> {
    const vmDir = join(dir, id);
    await mkdir(vmDir);
    const layer = join(vmDir, 'disk0.0.qcow2');
    await createOverlay(layer, { path: base, format: 'raw' }, 64 * MIB);
    const stateFile = join(vmDir, 'state');
    await writeFile(stateFile, 'state', { mode: 0o600 });
    const spec = {
      jail, program: 'probe', args: ['--', layer, base, savedStateOf(vmDir), ...secrets, ram, stateFile, '/etc/passwd', '/proc/self/status', '/dev/null'],
      controlSocket: join(runDir, `${id}.qmp`), consoleLog: join(vmDir, 'console.log'), log: join(vmDir, 'vmm.log'),
      link: await freshLink(), ram: { path: ram, shared: false }, files: await machineFiles(vmDir, [{ path: layer, format: 'qcow2' }], []),
      kvm: false, tasks: 100, fileBytes: 1024 * MIB, stateFile, ...more,
    };
    return { spec, vmDir, layer };
  }
  async function started(spec: VmmSpec): Promise<VmmProcess> {
    const vmm = await startVmm(spec);
    held.push(async () => {
      vmm.kill();
      await vmm.exited;
    });
    return vmm;
  }
  /** Of /proc/PID/status, once it has become the program: only then all is in place. */
  async function statusOf({ pid }: VmmProcess): Promise<Readonly<Record<string, string>>> {
    while (!(await readFile(`/proc/${pid}/cmdline`, 'latin1')).startsWith('probe')) await new Promise(setImmediate);
    const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n');
    return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
  }
  async function ask(spec: VmmSpec): Promise<Report> {
    const socket = connect(spec.controlSocket);
    await once(socket, 'connect');
    return JSON.parse(await text(socket)) as Report;
  }

  before(async () => {
    host = await openEngineHost('jail');
    ({ dir, runDir, links, held } = host);
    const real = host.guest.jail;
    const tree = join(dir, 'tree');
    await run('cp', ['-a', real.tree, tree]);
    await goBuild(PROBE_DIR, join(tree, 'bin', 'probe'));
    jail = { ...real, tree };
    base = join(dir, 'base.raw');
    ram = join(dir, 'ram');
    for (const path of [base, ram]) await writeFile(path, Buffer.alloc(MIB, 'template'), { mode: 0o600 });
    secrets = [join(dir, 'other', 'disk0.0.qcow2'), join(dir, 'keys', 'key.json')];
    for (const path of secrets) {
      await mkdir(join(path, '..'));
      await writeFile(path, 'secret', { mode: 0o644 });
    }
  });
  after(() => host.close());

  it('gives a VMM a user, namespaces, limits, files and descriptors of its own, and nothing else', async () => {
    const { spec, vmDir, layer } = await cloneSpec('outside');
    const vmm = await started(spec);
    const own = (name: string): string => `/proc/${vmm.pid}/${name}`;
    const status = await statusOf(vmm);
    const { first, count } = jail.ids;
    const uid = Number(status['Uid']?.split('\t')[0]);
    assert.ok(uid > first && uid < first + count, `uid ${uid}`);
    assert.equal(status['Uid'], Array(4).fill(uid).join('\t'));
    assert.equal(status['Gid'], Array(4).fill(uid).join('\t'));
    assert.equal(status['Groups']?.trim(), String(first));
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status[set] ?? '', /^0+$/, set);
    assert.deepEqual([status['NoNewPrivs'], status['Seccomp'], status['Seccomp_filters']], ['1', '2', '1']);
    assert.match(status['NSpid'] ?? '', /\t1$/, 'it is process 1, and no other is in its namespace');

    const namespaces = ['mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgroup'];
    const same = await Promise.all(namespaces.map(async (name) => (await readlink(own(`ns/${name}`))) === (await readlink(`/proc/self/ns/${name}`))));
    assert.deepEqual(same, [false, false, false, false, false, true, true]);
    assert.notEqual((await stat(own('ns/net'))).ino, (await stat(spec.link.netnsPath)).ino, 'not in the network of its own guest either');
    assert.equal(await netnsOf(vmm.launcher), spec.link.netnsPath);
    const interfaces = (await readFile(own('net/dev'), 'utf8')).split('\n').slice(2).filter(Boolean).map((line) => line.split(':')[0]?.trim());
    assert.deepEqual(interfaces, ['lo']);

    const limits = await readFile(own('limits'), 'utf8');
    const limitOf = (name: string): string[] => new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(limits)?.slice(1) ?? [];
    for (const [name, value] of [
      ['Max core file size', 1], ['Max open files', 1024], ['Max file size', 1024 * MIB], ['Max processes', 100], ['Max locked memory', 0],
      ['Max msgqueue size', 0], ['Max pending signals', 256], ['Max nice priority', 0], ['Max realtime priority', 0],
    ] as const) assert.deepEqual(limitOf(name), [String(value), String(value)], name);

    // As root, so that nothing is hidden: all there is.
    const found = (await run('find', [`/proc/${vmm.pid}/root/`, '-mindepth', '1', '(', '-type', 'd', '-printf', '', '-o', '-printf', '/%P\n', ')'])).stdout.split('\n').filter(Boolean);
    const tree = (await run('find', [jail.tree, '-type', 'f', '-printf', '/vmm/%P\n'])).stdout.split('\n').filter(Boolean);
    assert.deepEqual(found.sort(), ['/lib', '/lib64', '/proc/sys/vm/overcommit_memory', savedStateOf(vmDir), layer, base, ...tree].sort());

    const mounts = (await readFile(own('mountinfo'), 'utf8')).split('\n').filter(Boolean).map((line) => line.split(' '));
    assert.deepEqual(Object.fromEntries(mounts.map(([, , , , where = '', options = '']) => [where, options.replace(',relatime', '').replace(',noatime', '')])), {
      '/': 'ro,nosuid,nodev,noexec',
      '/vmm': 'ro,nosuid,nodev',
      [base]: 'ro,nosuid,nodev,noexec',
      [layer]: 'rw,nosuid,nodev,noexec',
      [savedStateOf(vmDir)]: 'rw,nosuid,nodev,noexec',
    });
    assert.deepEqual(await Promise.all([base, ram, layer].map(async (path) => {
      const { uid: owner, gid, mode } = await stat(path);
      return [owner, gid, mode & 0o777];
    })), [[0, first, 0o640], [0, 0, 0o600], [uid, uid, 0o600]]);

    const descriptors = Object.fromEntries(await Promise.all((await readdir(own('fd'))).map(async (fd) => [fd, await readlink(own(`fd/${fd}`))] as const)));
    const { [FD.control]: control = '', ...rest } = descriptors;
    assert.match(control, /^socket:/);
    // Beyond those it is started with: the RAM it asked for, and the disks it opened, of which the probe keeps all.
    assert.deepEqual(Object.fromEntries(Object.entries(rest).filter(([fd]) => Number(fd) <= FD.state)), {
      0: '/dev/null', 1: spec.log, 2: spec.log, [FD.console]: spec.consoleLog, [FD.tap]: '/dev/net/tun', [FD.state]: spec.stateFile,
    });
    assert.ok(Object.entries(rest).every(([fd, path]) => Number(fd) <= FD.state || [ram, layer, base, savedStateOf(vmDir)].includes(path)), JSON.stringify(rest));
  });

  it('refuses a VMM every call that runs no guest', async () => {
    const { spec, vmDir, layer } = await cloneSpec('inside');
    const vmm = await started(spec);
    const { Calls: calls, Refused: refused, Other: other } = await ask(spec);
    assert.deepEqual(other, {}, 'calls beyond the list that are not refused');
    assert.ok((refused['EPERM'] ?? 0) > 400 && (refused['ENOSYS'] ?? 0) <= 8, JSON.stringify(refused));

    const of = (...names: string[]): Record<string, string | undefined> => Object.fromEntries(names.map((name) => [name, calls[name]]));
    assert.deepEqual(of('ram', 'ram: write', 'ram: map shared, to write', 'ram: map private, to write', 'ram: truncate', 'ram: again'), {
      ram: 'ok', 'ram: write': 'EBADF', 'ram: map shared, to write': 'EACCES', 'ram: map private, to write': 'ok', 'ram: truncate': 'EINVAL', 'ram: again': 'ENOSYS',
    });
    const access = (path: string): (string | undefined)[] => [calls[`read ${path}`], calls[`write ${path}`]];
    assert.deepEqual(access(layer), ['ok', 'ok']);
    assert.deepEqual(access(savedStateOf(vmDir)), ['ok', 'ok']);
    assert.deepEqual(access(base), ['ok', 'EACCES']); // and its mount is read-only, see above
    for (const path of [...secrets, ram, join(vmDir, 'state'), '/etc/passwd', '/proc/self/status', '/dev/null']) assert.deepEqual(access(path), ['ENOENT', 'ENOENT'], path);
    assert.deepEqual(of('create /new', 'create /vmm/bin/new', 'create /vmm/lib/new'), { 'create /new': 'EROFS', 'create /vmm/bin/new': 'EROFS', 'create /vmm/lib/new': 'EROFS' });

    const attempts = Object.entries(calls).filter(([name]) => !/^(ram|read |write |create )/.test(name));
    assert.ok(attempts.length >= 80, `${attempts.length} attempts`);
    // ESRCH: it may read limits, and finds no process but itself.
    const allowed = { 'tgkill of itself, signal 0': 'ok', 'prctl: name': 'ok', 'prlimit: of another': 'ESRCH' };
    const absent = { execve: 'ENOSYS', clone3: 'ENOSYS', io_uring_setup: 'ENOSYS', memfd_create: 'ENOSYS' };
    assert.deepEqual(Object.fromEntries(attempts.filter(([, result]) => result !== 'EPERM')), { ...allowed, ...absent });
    assert.equal((await vmm.exited).code, 0);
    assert.equal(await readFile(base, 'utf8'), 'template'.repeat(MIB / 8));
  });

  it('gives each VMM another user, also when many start at once', async () => {
    const vmms = await Promise.all(Array.from({ length: 8 }, async (_, i) => started((await cloneSpec(`many${i}`)).spec)));
    const uids = await Promise.all(vmms.map(async (vmm) => (await statusOf(vmm))['Uid']));
    assert.equal(new Set(uids).size, 8, uids.join());
  });

  it('ends launcher and VMM together, whichever is killed, and tells how', async () => {
    const ends = async (id: string, kill: (vmm: VmmProcess) => void): Promise<unknown> => {
      const vmm = await started((await cloneSpec(id)).spec);
      kill(vmm);
      const { code, signal } = await vmm.exited;
      // Gone, or dead and waiting for whoever inherited it.
      for (const pid of [vmm.pid, vmm.launcher]) assert.match(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '0 () Z'), /\) Z/);
      return [code, signal];
    };
    assert.deepEqual(await ends('by-daemon', (vmm) => vmm.kill()), [null, 'SIGKILL']);
    assert.deepEqual(await ends('vmm', ({ pid }) => process.kill(pid, 'SIGKILL')), [null, 'SIGKILL']);
    assert.deepEqual(await ends('launcher', ({ launcher }) => process.kill(launcher, 'SIGKILL')), [null, 'SIGKILL']);
  });

  it('is found by its launcher, and not by what a VMM says of itself', async () => {
    const { spec } = await cloneSpec('found');
    const vmm = await started({ ...spec, args: [`unix:${runDir}/other.qmp`, 'tardigrade-jail', `${runDir}/other.qmp`, ...spec.args] });
    const found = await findVmms(runDir);
    assert.deepEqual(found.get('found'), { pid: vmm.pid, launcher: vmm.launcher });
    assert.equal(found.has('other'), false);
  });

  it('starts no VMM without its jail, and says why', async () => {
    const fails = async (id: string, more: Partial<VmmSpec>, message: RegExp): Promise<void> => {
      const { spec } = await cloneSpec(id);
      await assert.rejects(async () => {
        const vmm = await startVmm({ ...spec, ...more });
        const { code, detail } = await vmm.exited;
        assert.equal(code, 125);
        throw new Error(detail);
      }, message);
      assert.equal((await findVmms(runDir)).has(id), false);
    };
    await fails('no-tree', { jail: { ...jail, tree: join(dir, 'absent') } }, /absent: no such file/);
    await fails('no-netns', { link: { netnsPath: '/run/netns/absent', tap: 'tap0' } }, /\/run\/netns\/absent/);
    await fails('no-tap', { link: { netnsPath: '/proc/self/ns/net', tap: 'tun/../x' } }, /tap tun/);
    await fails('no-ids', { jail: { ...jail, ids: { first: 300_000, count: 1 } } }, /range of ids/);
    await fails('bad-path', { files: [{ path: '/proc/version', writable: false }] }, /needed for the VMM itself/);
  });
});
