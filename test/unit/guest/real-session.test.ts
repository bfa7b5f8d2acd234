/** Sessions with the real agent as an ordinary process: shells, commands on terminals, copies. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createGuestAgent } from '../../../src/guest/agent.js';
import { type GuestAgent, GuestAgentError, type GuestSession, type SessionSpec } from '../../../src/guest/contracts.js';
import { type BuiltAgent, buildAgent, runAgent, type RunningAgent } from './support/real-agent.js';

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

/** A session with its output kept. */
class Watched {
  readonly chunks: Buffer[] = [];
  stderr = '';
  #seen = '';
  #changed: () => void = () => undefined;
  drains = 0;
  readonly ended: Promise<number>;

  constructor(readonly session: GuestSession) {
    this.ended = new Promise((resolve, reject) =>
      session.start({
        onOutput: (stream, chunk) => {
          if (stream === 'stderr') this.stderr += chunk.toString();
          else this.chunks.push(chunk);
          this.#seen += stream === 'stdout' ? chunk.toString() : '';
          this.#changed();
        },
        onDrain: () => this.drains++,
        onExit: resolve,
        onLost: reject,
      }));
  }

  async shows(text: string): Promise<void> {
    while (!this.#seen.includes(text)) await new Promise<void>((resolve) => (this.#changed = resolve));
    this.#seen = this.#seen.slice(this.#seen.indexOf(text) + text.length);
  }
}

const open = async (spec: SessionSpec): Promise<Watched> => new Watched(await agent.session(spec));

describe('sessions', { timeout: 60_000 }, () => {
  it('run a shell on a terminal that can be resized', async () => {
    const shell = await open({ kind: 'shell' });
    await shell.shows('λ $ ');
    shell.session.resize({ cols: 132, rows: 50 });
    shell.session.write(Buffer.from('stty size; exit 5\n'));
    await shell.shows('50 132\r\n');
    assert.equal(await shell.ended, 5);
  });

  it('run a command, on pipes or on a terminal of a given size', async () => {
    const pipes = await open({ kind: 'exec', args: ['sh', '-c', 'cat; echo error >&2; exit 3'] });
    pipes.session.write(Buffer.from('typed'));
    pipes.session.endInput();
    assert.equal(await pipes.ended, 3);
    assert.deepEqual([Buffer.concat(pipes.chunks).toString(), pipes.stderr], ['typed', 'error\n']);
    const terminal = await open({ kind: 'exec', args: ['stty', 'size'], terminal: { cols: 7, rows: 9 } });
    assert.equal(await terminal.ended, 0);
    assert.equal(Buffer.concat(terminal.chunks).toString(), '9 7\r\n');
    await assert.rejects(open({ kind: 'exec', args: ['no-such-program'] }), (error) => error instanceof GuestAgentError && error.code === 'start_failed');
  });

  it('pass signals on', async () => {
    const waiting = await open({ kind: 'exec', args: ['sh', '-c', 'trap "exit 4" TERM; echo ready; while :; do sleep 0.01; done'] });
    await waiting.shows('ready');
    waiting.session.signal('TERM');
    assert.equal(await waiting.ended, 4);
  });

  it('hold a program back whose output nobody takes, and lose none of it', async () => {
    const size = 64 * 1024 * 1024;
    const source = await open({ kind: 'exec', args: ['sh', '-c', `head -c ${size} /dev/zero; echo done >&2`] });
    source.session.pause();
    await delay(50);
    assert.deepEqual([source.chunks.length, source.stderr], [0, ''], 'nothing is delivered, so the program cannot be done');
    source.session.resume();
    assert.equal(await source.ended, 0);
    assert.equal(source.chunks.reduce((sum, chunk) => sum + chunk.length, 0), size);
  });

  it('ask a writer to wait, and tell when to go on', async () => {
    const sink = await open({ kind: 'exec', args: ['sh', '-c', 'read go; cat | wc -c'] });
    sink.session.write(Buffer.from('go\n'));
    let sent = 0;
    const chunk = Buffer.alloc(256 * 1024);
    while (sink.session.write(chunk)) sent += chunk.length;
    sent += chunk.length;
    while (sink.drains === 0) await new Promise(setImmediate);
    sink.session.endInput();
    assert.equal(await sink.ended, 0);
    assert.equal(Number(Buffer.concat(sink.chunks).toString()), sent);
  });

  it('hang up when they are closed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tardigrade-session-'));
    try {
      const shell = await open({ kind: 'shell', env: { MARK: join(folder, 'mark') } });
      shell.session.write(Buffer.from(`trap 'echo gone > "$MARK"; exit' HUP; echo re''ady; while :; do sleep 0.01; done\n`));
      await shell.shows('ready');
      shell.session.close();
      await shell.session.ended;
      while ((await readFile(join(folder, 'mark'), 'utf8').catch(() => '')) !== 'gone\n') await new Promise(setImmediate);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('copy in and out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tardigrade-session-'));
    try {
      const packed = await open({ kind: 'pack', path: '/etc/hostname' });
      packed.session.endInput();
      assert.equal(await packed.ended, 0);
      const unpacked = await open({ kind: 'unpack', path: join(folder, 'copy') });
      unpacked.session.write(Buffer.concat(packed.chunks));
      unpacked.session.endInput();
      assert.equal(await unpacked.ended, 0, unpacked.stderr);
      assert.deepEqual(await readFile(join(folder, 'copy')), await readFile('/etc/hostname'));
      const none = await open({ kind: 'pack', path: join(folder, 'none') });
      assert.equal(await none.ended, 1);
      assert.match(none.stderr, /no such file/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
