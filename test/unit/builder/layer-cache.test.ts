import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LayerCaches } from '../../../src/builder/layer-cache.js';

const A = '111111111111';
const B = '222222222222';

describe('layer caches', () => {
  let dir: string;
  let builds = 0;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'caches-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const workDir = async (): Promise<string> => {
    const path = join(dir, `build-${builds++}`);
    await mkdir(path);
    return path;
  };
  const head = async (path: string): Promise<string> => (await readFile(path)).subarray(0, 6).toString();
  /** Of a disk that a build has written to; a real one is 32 GiB and sparse. */
  const use = (path: string, text: string): Promise<void> => writeFile(path, text);

  it('gives an account what its last whole build left, and no other account anything', async () => {
    const caches = new LayerCaches({ dir: join(dir, 'kept'), maxBytes: 1 << 20 });
    const first = await caches.lease(A, await workDir());
    await use(first.path, 'layers');
    await first.keep();
    const other = await caches.lease(B, await workDir());
    await use(other.path, 'others');
    await other.keep();
    const again = await caches.lease(A, await workDir());
    assert.equal(await head(again.path), 'layers');
    await again.drop();
    const blank = await caches.lease(A, await workDir());
    await assert.rejects(access(join(dir, 'kept', A, 'layers.raw')), 'a dropped cache is gone');
    await blank.drop();
  });

  it('gives a second build at once a blank disk of its own, which is not kept', async () => {
    const caches = new LayerCaches({ dir: join(dir, 'kept'), maxBytes: 1 << 20 });
    const first = await caches.lease(A, await workDir());
    const second = await caches.lease(A, await workDir());
    assert.notEqual(first.path, second.path);
    await use(second.path, 'second');
    await second.keep();
    await use(first.path, 'first.');
    await first.keep();
    const third = await caches.lease(A, await workDir());
    assert.equal(await head(third.path), 'first.');
    await third.drop();
  });

  it('keeps no more than it may, and nothing when it may keep nothing', async () => {
    for (const [maxBytes, kept] of [[1 << 20, false], [4 << 20, true], [0, false]] as const) {
      const caches = new LayerCaches({ dir: join(dir, `kept-${maxBytes}`), maxBytes });
      const lease = await caches.lease(A, await workDir());
      await writeFile(lease.path, Buffer.alloc(2 << 20, 1));
      await lease.keep();
      assert.equal(await access(join(dir, `kept-${maxBytes}`, A, 'layers.raw')).then(() => true, () => false), kept, String(maxBytes));
    }
  });
});
