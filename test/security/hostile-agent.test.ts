/**
 * A guest that was taken over whole, kernel and agent: whatever it answers, each operation of the host ends in bounded
 * time and memory, and nothing is written where the guest says.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unpack } from '../../src/cli/copy/unpack.js';
import type { Vm } from '../../src/engine/contracts.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { createGuestAgent } from '../../src/guest/agent.js';
import { type GuestAgent, type SessionSpec } from '../../src/guest/contracts.js';
import { GUEST_NET, NO_EGRESS } from '../../src/network/contracts.js';
import { type EngineHost, openEngineHost } from '../integration/support/engine-host.js';

const run = promisify(execFile);
const AGENT = fileURLToPath(new URL('../../guest/agent', import.meta.url));
const HOSTILE = fileURLToPath(new URL('hostile-agent/main.go', import.meta.url));
/** ms each operation is given; those without a limit of their own are aborted or closed then. */
const PATIENCE_MS = 1_500;
/** Of nine operations each, which meet the 25 ways out of step. */
const ROUNDS = 18;
const MAX_GROWTH = 96 * 1024 * 1024;

/** The agent's initramfs with another /init laid over: the kernel unpacks archives one after the other. */
async function hostileInitramfs(dir: string, initramfs: string): Promise<string> {
  const source = join(dir, 'source');
  await cp(AGENT, source, { recursive: true });
  for (const name of await readdir(source)) if (name.endsWith('_test.go')) await rm(join(source, name));
  await copyFile(HOSTILE, join(source, 'main.go'));
  const root = join(dir, 'root');
  await mkdir(root);
  await run('go', ['build', '-o', join(root, 'init'), '.'], { cwd: source, env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' } });
  await run('sh', ['-ec', 'cd "$1"; echo init | cpio --quiet -o -H newc >"$2"', 'sh', root, join(dir, 'overlay.img')]);
  const path = join(dir, 'initramfs.img');
  await writeFile(path, Buffer.concat([await readFile(initramfs), await readFile(join(dir, 'overlay.img'))]));
  return path;
}

describe('hostile agent', () => {
  let vm: Vm;
  let agent: GuestAgent;
  let host: EngineHost;
  let dir: string;

  before(async () => {
    host = await openEngineHost('hostile');
    dir = host.dir;
    const { guest, runDir, links, held } = host;
    const link = await links.acquire({ egress: NO_EGRESS });
    held.push(() => link.release());
    const engine = createQemuEngine({ ...guest, initramfs: await hostileInitramfs(dir, guest.initramfs), runDir });
    await mkdir(join(dir, 'vm'));
    vm = await engine.boot({ id: 'hostile', size: { memoryMiB: 512, vcpus: 2 }, disks: [], link, dir: join(dir, 'vm') });
    held.push(() => vm.stop());
    agent = createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal), { timeoutMs: PATIENCE_MS });
    await agent.waitUntilUp(AbortSignal.timeout(60_000)).catch(() => undefined); // whatever it says, it is there
  });
  after(() => host.close());

  /** A session that is closed when patience ends; what it says is counted, not kept. */
  const session = async (spec: SessionSpec): Promise<void> => {
    const opened = await agent.session(spec, AbortSignal.timeout(PATIENCE_MS));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        opened.close();
        resolve();
      }, PATIENCE_MS);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      opened.start({ onOutput: () => undefined, onDrain: () => undefined, onExit: end, onLost: end });
    });
  };
  const copyOut = async (): Promise<void> => {
    const opened = await agent.session({ kind: 'pack', path: '/x' }, AbortSignal.timeout(PATIENCE_MS));
    const archive = new PassThrough();
    const timer = setTimeout(() => opened.drop(new Error('patience ended')), PATIENCE_MS);
    opened.start({
      onOutput: (_stream, chunk) => {
        if (!archive.write(chunk)) opened.pause();
      },
      onDrain: () => undefined,
      onExit: () => archive.end(),
      onLost: (reason) => archive.destroy(reason),
    });
    archive.on('drain', () => opened.resume());
    try {
      await unpack(archive as AsyncIterable<Buffer>, join(dir, 'copied', 'here'), 'x');
    } finally {
      clearTimeout(timer);
      opened.close();
    }
  };
  const follow = async (): Promise<void> => {
    const following = await agent.follow(0, { onLog: () => undefined, onExit: () => undefined });
    setTimeout(() => following.close(), PATIENCE_MS);
    await following.ended;
  };
  const dial = async (): Promise<void> => {
    (await agent.dial(8080, AbortSignal.timeout(PATIENCE_MS))).destroy();
  };

  it('ends every operation, whatever the answers', { timeout: 240_000 }, async (t) => {
    await mkdir(join(dir, 'copied', 'here'), { recursive: true });
    const operations: readonly (() => Promise<unknown>)[] = [
      () => agent.wake({ hostname: 'x' }),
      () => agent.status(),
      () => agent.exec({ args: ['true'], root: { kind: 'container' }, signal: AbortSignal.timeout(PATIENCE_MS) }),
      () => session({ kind: 'shell' }),
      () => session({ kind: 'exec', args: ['true'] }),
      copyOut,
      follow,
      dial,
      () => agent.waitUntilUp(AbortSignal.timeout(PATIENCE_MS)),
    ];
    const rss = process.memoryUsage.rss();
    let ended = 0;
    let most = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const outcomes = await Promise.allSettled(operations.map((operation) => operation()));
      ended += outcomes.length;
      most = Math.max(most, process.memoryUsage.rss() - rss);
    }
    t.diagnostic(`${ended} operations ended; the process grew by at most ${(most / 1024 / 1024).toFixed(0)} MiB`);
    assert.equal(ended, ROUNDS * operations.length);
    assert.ok(most < MAX_GROWTH, `grew by ${most} bytes`);
  });

  it('writes nothing of a copy outside its folder', async () => {
    for (const path of ['/tmp/tardigrade-escaped', '/etc/tardigrade-escaped', join(dir, 'escaped'), join(dir, 'copied', 'escaped')]) {
      await assert.rejects(access(path), path);
    }
  });

  it('can still be ended', async () => {
    await vm.stop();
    await vm.exited;
  });
});
