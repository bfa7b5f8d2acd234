/** Container builds without a MicroVM: the layer cache, which an account's own builds find and nobody else's, and other bases. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { pack } from 'tar-stream';
import { createContainerBuilder } from '../../src/builder/builder.js';
import { type ContainerBuilder, ContainerBuildError } from '../../src/builder/contracts.js';
import { LayerCaches } from '../../src/builder/layer-cache.js';
import { createProgress } from '../../src/cli/progress.js';
import { ensureBuilder } from '../../src/daemon/assets.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { createGuestAgent } from '../../src/guest/agent.js';
import { GUEST_NET, NO_EGRESS } from '../../src/network/contracts.js';
import { type EngineHost, openEngineHost } from './support/engine-host.js';

const A = '111111111111';
const B = '222222222222';
/** Whoever gets this layer from a cache gets its first maker's random text. */
const DOCKERFILE = 'FROM tardigrade/base:12\nRUN head -c 16 /dev/urandom | sha256sum > /marker\nCMD ["true"]\n';

interface Built {
  readonly marker: string;
  readonly cached: boolean;
  readonly seconds: number;
  readonly disk: string;
}

describe('build cache', () => {
  let host: EngineHost;
  let builder: ContainerBuilder;
  let builds = 0;

  before(async () => {
    host = await openEngineHost('build-cache');
    const { config, guest, dir, runDir, links } = host;
    const engine = createQemuEngine({ ...guest, runDir });
    const parts = { engine, links, agentFor: (vm: Parameters<Parameters<typeof ensureBuilder>[2]['agentFor']>[0]) => createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal)) };
    builder = createContainerBuilder(parts, await ensureBuilder(config, guest, parts, createProgress()), new LayerCaches({ dir: join(dir, 'cache'), maxBytes: 4 * 1024 ** 3 }));
  });
  after(() => host.close());

  const build = async (accountId: string, dockerfile = DOCKERFILE): Promise<Built> => {
    const id = `cache-test-${builds++}`;
    const work = join(host.dir, id);
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
    return { disk, marker: stdout, cached: lines.some((line) => /Using cache/.test(line)), seconds };
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

  it('has nothing of the managed base in an image that does not stand on it', async () => {
    const { disk } = await build(A, `${DOCKERFILE.replace('base:12', 'base:12 AS maker')}FROM scratch\nCOPY --from=maker /marker /marker\nCMD ["true"]\n`);
    const { stdout } = await promisify(execFile)('debugfs', ['-R', 'ls -p /', disk]);
    assert.deepEqual([...stdout.matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\/\d*\/$/gm)].map(([, name]) => name), ['.', '..', 'lost+found', 'marker']);
  });
});
