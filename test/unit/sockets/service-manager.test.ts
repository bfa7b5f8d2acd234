/** Sockets that outlive the daemon, and what it tells its service manager. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inheritedSocket } from '../../../src/sockets/inherited.js';
import { createServiceManager } from '../../../src/sockets/notify.js';
import { listeningSocket, notifySocket } from '../../support/service-manager.js';

const SERVED = fileURLToPath(new URL('./served.ts', import.meta.url));

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

/** As systemd starts a service: the variable names the process that execs the program. */
function start(args: readonly string[], descriptors: readonly number[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn('sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, '--import', 'tsx', SERVED, ...args], {
    env: { ...process.env, ...env, LISTEN_FDS: String(descriptors.length) }, stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
  });
  children.add(child);
  return child;
}

const line = async (child: ChildProcess): Promise<string> => String((await once(child.stdout ?? assert.fail(), 'data'))[0]).trim();
const get = async (port: number, path = '/'): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text();

describe('inheritedSocket', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'api:endpoint' };
  it('finds sockets by their names', () => {
    assert.equal(inheritedSocket('api', env, 7), 3);
    assert.equal(inheritedSocket('endpoint', env, 7), 4);
    assert.equal(inheritedSocket('metadata', env, 7), undefined);
  });
  it('takes none that are for another process, or that were not passed', () => {
    assert.equal(inheritedSocket('api', env, 8), undefined);
    assert.equal(inheritedSocket('api', {}, 7), undefined);
    assert.equal(inheritedSocket('endpoint', { ...env, LISTEN_FDS: '1' }, 7), undefined);
  });
});

describe('a socket of the service manager', () => {
  it('serves, and connections made while there is no daemon are answered by the next one', async () => {
    const [api, endpoint] = [listeningSocket(), listeningSocket()];
    try {
      const env = { LISTEN_FDNAMES: 'api:endpoint' };
      const first = start(['endpoint'], [api.fd, endpoint.fd], env);
      assert.equal(await line(first), String(endpoint.port));
      assert.equal(await get(endpoint.port), String(first.pid));
      first.kill('SIGTERM');
      assert.deepEqual(await once(first, 'exit'), [0, null]);

      const waiting = Array.from({ length: 20 }, () => get(endpoint.port));
      const second = start(['endpoint'], [api.fd, endpoint.fd], env);
      assert.deepEqual(new Set(await Promise.all(waiting)), new Set([String(second.pid)]));
    } finally {
      api.close();
      endpoint.close();
    }
  });

  it('is not inherited by programs the daemon starts', async () => {
    const api = listeningSocket();
    try {
      await line(start(['api'], [api.fd], { LISTEN_FDNAMES: 'api' }));
      assert.doesNotMatch(await get(api.port, '/descriptors'), /(?<!\d)(?:[3-9]|1\d) -> socket:/);
    } finally {
      api.close();
    }
  });

  it('on another address than the settings say is refused, with both named', async () => {
    const api = listeningSocket();
    try {
      const child = start(['api', '7400'], [api.fd], { LISTEN_FDNAMES: 'api' });
      const [text] = await once(child.stderr ?? assert.fail(), 'data') as [Buffer];
      assert.match(String(text), new RegExp(`'api' .* 127\\.0\\.0\\.1:${api.port}, but the settings say 127\\.0\\.0\\.1:7400`));
    } finally {
      api.close();
    }
  });
});

describe('the service manager', () => {
  let dir = '';
  before(async () => void (dir = await mkdtemp(join(tmpdir(), 'tdg-notify-'))));
  after(() => rm(dir, { recursive: true }));
  const fail = (error: Error) => assert.fail(error.message);

  for (const [what, path] of [['in a file', () => join(dir, 'notify')], ['without one', () => `@tdg-notify-${process.pid}`]] as const) {
    it(`hears over a socket ${what}`, () => {
      const socket = notifySocket(path());
      const manager = createServiceManager({ NOTIFY_SOCKET: path() }, fail);
      manager.tell('READY=1\nSTATUS=API on http://127.0.0.1:7400');
      manager.tell('STOPPING=1');
      assert.deepEqual(socket.received(), ['READY=1\nSTATUS=API on http://127.0.0.1:7400', 'STOPPING=1']);
      socket.close();
    });
  }

  it('hears READY and STOPPING of a daemon', async () => {
    const path = join(dir, 'daemon');
    const socket = notifySocket(path);
    const child = start([''], [], { NOTIFY_SOCKET: path });
    const port = await line(child);
    assert.deepEqual(socket.received(), [`READY=1\nSTATUS=port ${port}`]);
    child.kill('SIGTERM');
    await once(child, 'exit');
    assert.deepEqual(socket.received(), ['STOPPING=1']);
    socket.close();
  });

  it('hears that the event loop turns, for as long as it should', async () => {
    const socket = notifySocket(join(dir, 'watchdog'));
    const stop = createServiceManager({ NOTIFY_SOCKET: join(dir, 'watchdog'), WATCHDOG_USEC: '20000' }, fail).startWatchdog();
    while (socket.received().length === 0) await sleep(5);
    stop();
    socket.received();
    await sleep(50);
    assert.deepEqual(socket.received(), []);
    createServiceManager({ NOTIFY_SOCKET: join(dir, 'watchdog'), WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }, fail).startWatchdog();
    await sleep(20);
    assert.deepEqual(socket.received(), []);
    socket.close();
  });

  it('that does not hear is told of once a message, and changes nothing', () => {
    const failures: string[] = [];
    createServiceManager({ NOTIFY_SOCKET: join(dir, 'none') }, ({ message }) => failures.push(message)).tell('READY=1');
    createServiceManager({ NOTIFY_SOCKET: `/${'x'.repeat(108)}` }, ({ message }) => failures.push(message)).tell('READY=1');
    createServiceManager({}, fail).tell('READY=1');
    assert.match(failures.join('\n'), /none: ENOENT\n.*too long$/);
  });
});
