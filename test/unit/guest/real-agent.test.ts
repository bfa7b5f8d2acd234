import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createGuestAgent } from '../../../src/guest/agent.js';
import { AppConnectError, type ContainerSpec, type ExecSpec, type GuestAgent, GuestAgentError, type LogLine } from '../../../src/guest/contracts.js';
import { type BuiltAgent, buildAgent, dialer, runAgent, type RunningAgent } from './support/real-agent.js';

let built: BuiltAgent;
let running: RunningAgent;
let agent: GuestAgent;

before(async () => {
  built = await buildAgent();
});
after(() => built.remove());
beforeEach(async () => {
  running = await runAgent(built.path);
  agent = createGuestAgent(running.dial);
});
afterEach(() => running.stop());

function app(script: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { rootDevice: '', args: ['sh', '-c', script], env: {}, cwd: '/', user: '', capabilities: 'default', stopSignal: 'SIGTERM', ...more };
}

function shell(script: string, more: Partial<ExecSpec> = {}): ExecSpec {
  return { args: ['sh', '-c', script], root: { kind: 'container' }, ...more };
}

/** Polls until `check` holds; the test runner's own limit ends it. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await delay(5);
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

describe('waitUntilUp', { timeout: 30_000 }, () => {
  it('resolves once the agent answers', () => agent.waitUntilUp(AbortSignal.timeout(20_000)));

  it('rejects with the reason of the signal while nothing listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = createGuestAgent(dialer(port)).waitUntilUp(controller.signal);
    setImmediate(() => controller.abort(reason));
    await assert.rejects(waiting, reason);
  });
});

describe('wake', { timeout: 30_000 }, () => {
  it('sends the time, the hostname and new entropy each time', async () => {
    const earliest = BigInt(Date.now() - 2) * 1_000_000n;
    await agent.wake({ hostname: 'vm-1' });
    await agent.wake({ hostname: 'vm-2' });
    const latest = BigInt(Date.now() + 2) * 1_000_000n;
    const seen = () => running.lines.flatMap((line) => /^wake (\d+) (\S+) ([0-9a-f]+)$/.exec(line)?.slice(1) ?? []);
    await until(() => seen().length === 6);
    const [time1, name1, entropy1, time2, name2, entropy2] = seen();
    assert.deepEqual([name1, name2], ['vm-1', 'vm-2']);
    assert.notEqual(entropy1, entropy2);
    const times = [earliest, BigInt(time1 ?? 0), BigInt(time2 ?? 0), latest];
    assert.deepEqual(times, [...times].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('passes the refusal of a bad hostname on', () =>
    assert.rejects(agent.wake({ hostname: 'no spaces' }), { name: 'GuestAgentError', message: /^hostname "no spaces" must be 1 to 64 letters/ }));
});

describe('dial', { timeout: 60_000 }, () => {
  let server: Server;
  let port: number;
  let handler: (socket: Socket) => void;
  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => handler(socket));
    port = await listen(server);
  });
  afterEach(() => server.close());

  it('carries 1 MiB both ways at once and passes half-closes on', async () => {
    handler = (socket) => void socket.pipe(socket);
    const sent = randomBytes(1 << 20);
    const stream = await agent.dial(port);
    stream.end(sent);
    assert.deepEqual(await buffer(stream), sent);
  });

  it('lets the application answer after the end of the request', async () => {
    handler = (socket) => {
      const request: string[] = [];
      socket.on('data', (chunk) => request.push(chunk.toString())).once('end', () => socket.end(`got ${request.join('')}`));
    };
    const stream = await agent.dial(port);
    stream.end('all');
    assert.equal(await text(stream), 'got all');
  });

  it('delivers what the application says first', async () => {
    handler = (socket) => socket.end('220 hello');
    assert.equal(await text(await agent.dial(port)), '220 hello');
  });

  it('passes a reset of the application on', async () => {
    handler = (socket) => socket.once('data', () => socket.resetAndDestroy());
    const stream = await agent.dial(port);
    stream.write('x');
    const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
  });

  it('passes a reset of the client on', async () => {
    const broken = new Promise<string | undefined>((resolve) => {
      handler = (socket) => {
        socket.write('x');
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      };
    });
    const stream = await agent.dial(port);
    assert.ok(stream instanceof Socket);
    await once(stream, 'data');
    stream.resetAndDestroy();
    assert.equal(await broken, 'ECONNRESET');
  });

  it('rejects AppConnectError when nothing listens', async () => {
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(agent.dial(port), (error) => error instanceof AppConnectError && error.message === `nothing listens on 127.0.0.1:${port}`);
  });

  it('refuses a port that is none', () => assert.rejects(agent.dial(70_000), /port 70000 is not 1 to 65535/));
});

describe('exec', { timeout: 30_000 }, () => {
  it('keeps stdout and stderr apart and returns the exit code', async () => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const result = await agent.exec(shell('echo out; echo err >&2; exit 7', { onStdout: (c) => out.push(c), onStderr: (c) => err.push(c) }));
    assert.deepEqual([result.code, Buffer.concat(out).toString(), Buffer.concat(err).toString()], [7, 'out\n', 'err\n']);
  });

  it('feeds stdin larger than a frame and its end', async () => {
    const sent = randomBytes(3 << 20);
    const out: Buffer[] = [];
    const result = await agent.exec({ args: ['cat'], root: { kind: 'container' }, stdin: Readable.from([sent], { objectMode: false }), onStdout: (c) => out.push(c) });
    assert.equal(result.code, 0);
    assert.ok(Buffer.concat(out).equals(sent));
  });

  it('gives end of file when there is no stdin', async () => assert.equal((await agent.exec({ args: ['cat'], root: { kind: 'container' } })).code, 0));

  it('ends though its stdin does not', async () => {
    const stdin = new PassThrough();
    assert.equal((await agent.exec(shell('exit 3', { stdin }))).code, 3);
    assert.equal(stdin.listenerCount('error') + stdin.listenerCount('data'), 0);
  });

  it('fails with the error of its stdin', async () => {
    const stdin = new PassThrough();
    const result = agent.exec(shell('cat', { stdin }));
    setImmediate(() => stdin.destroy(new Error('disk gone')));
    await assert.rejects(result, /disk gone/);
  });

  it('reports the signal that ended the process', async () => assert.equal((await agent.exec(shell('kill -9 $$'))).code, 137));

  it('passes environment and folder', async () => {
    const out: Buffer[] = [];
    await agent.exec(shell('echo "$A $(pwd)"', { env: { A: 'x "y"' }, cwd: '/usr', onStdout: (c) => out.push(c) }));
    assert.equal(Buffer.concat(out).toString(), 'x "y" /usr\n');
  });

  for (const [what, script, fills] of [
    ['waits', 'echo $$; exec sleep 600', false],
    ['does not read a stdin that is full', 'echo $$; exec sleep 600', true],
    ['writes without end', 'echo $$; exec yes', false],
  ] as const) {
    it(`kills a process that ${what} when aborted`, async () => {
      const controller = new AbortController();
      let pid = 0;
      const running = agent.exec(
        shell(script, {
          signal: controller.signal,
          onStdout: (chunk) => {
            pid ||= Number.parseInt(chunk.toString(), 10);
            controller.abort(new Error('changed my mind'));
          },
          ...(fills && { stdin: Readable.from(endless(), { objectMode: false }) }),
        }),
      );
      await assert.rejects(running, /changed my mind/);
      await until(() => !alive(pid));
    });
  }

  it('names an executable that is missing', () =>
    assert.rejects(agent.exec({ args: ['nosuch'], root: { kind: 'container' } }), (e) => e instanceof GuestAgentError && e.message.startsWith('executable "nosuch" not found in PATH')));
});

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(256 * 1024);
}

describe('start, follow, stop', { timeout: 30_000 }, () => {
  async function collect(afterSeq = 0): Promise<{ lines: LogLine[]; code: number | undefined }> {
    const lines: LogLine[] = [];
    let code: number | undefined;
    const { ended } = await agent.follow(afterSeq, { onLog: (line) => lines.push(line), onExit: (c) => (code = c) });
    await ended;
    return { lines, code };
  }

  it('delivers each line and the exit code, and again to a reader that comes back', async () => {
    assert.deepEqual(await agent.status(), { running: false });
    await agent.start(app('echo one; echo "tw\\"o	é" >&2; printf three; exit 4'));
    const all = await collect();
    assert.equal(all.code, 4);
    assert.deepEqual(all.lines.map((line) => line.seq), [1, 2, 3]);
    assert.deepEqual(all.lines.filter((line) => line.stream === 'stdout').map((line) => line.text), ['one', 'three']);
    assert.deepEqual(all.lines.filter((line) => line.stream === 'stderr').map((line) => line.text), ['tw"o\té']);
    assert.deepEqual(await agent.status(), { running: false, exitCode: 4 });
    assert.deepEqual(await collect(2), { code: 4, lines: all.lines.slice(2) });
  });

  it('splits a line longer than 64 KiB and keeps the newest 1 MiB', async () => {
    await agent.start(app('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo last'));
    await until(() => running.lines.length > 0);
    while ((await agent.status()).running) await delay(5);
    const { lines } = await collect();
    assert.equal(lines.at(-1)?.text, 'last');
    assert.ok(lines.every((line) => line.text.length <= 65_536));
    assert.ok((lines[0]?.seq ?? 0) > 1, 'the oldest are gone, and seq shows it');
    assert.ok(lines.reduce((sum, line) => sum + line.text.length, 0) <= 1 << 20);
  });

  it('streams while the application runs, until closed', async () => {
    await agent.start(app('echo up; exec sleep 600'));
    let deliver: ((line: LogLine) => void) | undefined;
    const first = new Promise<LogLine>((resolve) => (deliver = resolve));
    const following = await agent.follow(0, { onLog: (line) => deliver?.(line), onExit: () => assert.fail('it runs on') });
    assert.equal((await first).text, 'up');
    following.close();
    await following.ended;
    assert.deepEqual(await agent.status(), { running: true });
  });

  it('stops by the stop signal', async () => {
    await agent.start(app('trap "exit 9" USR1; echo up; while :; do sleep 0.01; done', { stopSignal: 'SIGUSR1' }));
    await new Promise<void>((resolve) => void agent.follow(0, { onLog: () => resolve(), onExit: () => undefined }));
    await agent.stopApp(20_000);
    assert.deepEqual(await agent.status(), { running: false, exitCode: 9 });
  });

  it('kills what ignores the stop signal once the grace is over', async () => {
    await agent.start(app('trap "" TERM; echo up; while :; do sleep 0.01; done'));
    await new Promise<void>((resolve) => void agent.follow(0, { onLog: () => resolve(), onExit: () => undefined }));
    await agent.stopApp(50);
    assert.deepEqual(await agent.status(), { running: false, exitCode: 137 });
  });

  it('refuses a second start, a stop and an unknown user with a reason', async () => {
    await assert.rejects(agent.stopApp(0), /no application was started/);
    await assert.rejects(agent.start(app('true', { user: 'ghost-user' })), /user "ghost-user" is not in \/etc\/passwd/);
    await agent.start(app('exec sleep 600'));
    await assert.rejects(agent.start(app('true')), /started already/);
    await assert.rejects(agent.unmountAll(), /stop it before unmount/);
    await agent.stopApp(5_000);
    await agent.unmountAll();
  });
});
