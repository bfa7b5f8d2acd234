/** The layer cache of builds: an account's own builds find it, nobody else's do. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { pack } from 'tar-stream';
import { createContainerBuilder } from '../../src/builder/builder.js';
import { type ContainerBuilder, ContainerBuildError } from '../../src/builder/contracts.js';
import { LayerCaches } from '../../src/builder/layer-cache.js';
import { createProgress } from '../../src/cli/progress.js';
import { loadConfig } from '../../src/config/config.js';
import { ensureBuilder, ensureGuest } from '../../src/daemon/assets.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { createGuestAgent } from '../../src/guest/agent.js';
import { GUEST_NET, NO_EGRESS } from '../../src/network/contracts.js';
import { openLinkPool } from '../../src/network/pool.js';

const A = '111111111111';
const B = '222222222222';
/** Whoever gets this layer from a cache gets its first maker's random text. */
const DOCKERFILE = 'FROM tardigrade/base:12\nRUN head -c 16 /dev/urandom | sha256sum > /marker\nCMD ["true"]\n';

interface Built {
  readonly marker: string;
  readonly cached: boolean;
  readonly seconds: number;
}

describe('build cache', () => {
  let dir: string;
  let builder: ContainerBuilder;
  let builds = 0;
  const held: (() => unknown)[] = [];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-build-cache-'));
    held.push(() => rm(dir, { recursive: true }));
    const config = loadConfig();
    const guest = await ensureGuest(config, createProgress());
    const runDir = `/run/tardigrade/cache-test-${process.pid}`;
    await mkdir(runDir, { recursive: true });
    held.push(() => rm(runDir, { recursive: true }));
    const links = await openLinkPool({ linkCidr: config.linkCidr, egressDeny: config.egressDeny, poolSize: 0, owner: runDir, logger: pino({ level: 'silent' }) });
    held.push(() => links.close());
    const engine = createQemuEngine({ ...guest, runDir });
    const host = { engine, links, agentFor: (vm: Parameters<Parameters<typeof ensureBuilder>[2]['agentFor']>[0]) => createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal)) };
    builder = createContainerBuilder(host, await ensureBuilder(config, guest, host, createProgress()), new LayerCaches({ dir: join(dir, 'cache'), maxBytes: 4 * 1024 ** 3 }));
  });
  after(async () => {
    for (const release of held.reverse()) await release();
  });

  const build = async (accountId: string, dockerfile = DOCKERFILE): Promise<Built> => {
    const id = `cache-test-${builds++}`;
    const work = join(dir, id);
    await mkdir(work);
    const archive = pack();
    archive.entry({ name: 'Dockerfile' }, dockerfile);
    archive.finalize();
    const context = Readable.from(archive as AsyncIterable<Buffer>);
    const lines: string[] = [];
    const start = performance.now();
    const { disk } = await builder.build({ id, dir: work, context, diskGiB: 2, accountId, network: { egress: NO_EGRESS }, onLine: (line) => lines.push(line), signal: AbortSignal.timeout(300_000) });
    const seconds = (performance.now() - start) / 1000;
    const { stdout } = await promisify(execFile)('debugfs', ['-R', 'cat /marker', disk]);
    assert.match(stdout, /^[0-9a-f]{64}/);
    return { marker: stdout, cached: lines.some((line) => /Using cache/.test(line)), seconds };
  };

  it('is found by the same account and by no other', async (t) => {
    const first = await build(A);
    const again = await build(A);
    const other = await build(B);
    t.diagnostic(`first ${first.seconds.toFixed(1)} s, from the cache ${again.seconds.toFixed(1)} s, another account ${other.seconds.toFixed(1)} s`);
    assert.deepEqual([first.cached, again.cached, other.cached], [false, true, false]);
    assert.equal(again.marker, first.marker);
    assert.notEqual(other.marker, first.marker);
  });

  it('outlives a Dockerfile that fails, and serves two builds at once', async () => {
    const before = await build(A);
    await assert.rejects(build(A, `${DOCKERFILE}RUN false\n`), ContainerBuildError);
    const [one, two] = await Promise.all([build(A), build(A)]);
    assert.equal([one, two].filter((built) => built.marker === before.marker).length, 1, 'one has the cache, the other begins blank');
  });
});
