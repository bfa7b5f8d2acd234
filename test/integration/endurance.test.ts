/** Fifty suspends of one MicroVM that keeps writing: everything it wrote is there, and what is stored stays small. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { buildImage, READY_ON_8080 } from './support/images.js';
import { type RunningVm, runVm } from './support/microvms.js';
import { closeShared, sharedService } from './support/service.js';

const APP = fileURLToPath(new URL('../apps/endurance', import.meta.url));
const CYCLES = 50;
const PAGE = 4096;

interface Check {
  readonly rows: number;
  readonly entries: number;
  readonly damaged: number;
  readonly integrity: string;
  readonly pid: number;
  readonly alive: boolean;
  readonly beats: number;
}

describe('endurance', () => {
  let vm: RunningVm | undefined;
  after(async () => {
    await vm?.terminate();
    await closeShared();
  });

  it(`keeps a database, a growing map and a process through ${CYCLES} suspends, each stored in its dirtied pages and 10 %`, async (t) => {
    const service = await sharedService();
    const outcome = await buildImage(service, 'endurance', await service.upload('endurance.zip', await zipFolder(APP)), { hooks: READY_ON_8080 });
    assert.equal(outcome.state, 'CREATED', outcome.log);
    const running = (vm = await runVm(service, outcome.imageArn));
    const call = async (method: 'GET' | 'POST'): Promise<Check> => {
      const answer = await running.http.send('/', { method });
      assert.equal(answer.status, 200, answer.body);
      return JSON.parse(answer.body) as Check;
    };
    const dir = join(service.config.dataDir, 'microvms', running.id);
    let before = await call('GET');
    const overheads: number[] = [];
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const grown = await call('POST');
      await running.suspend();
      const { pages, stored, layers } = await storage(dir);
      overheads.push(stored / (pages * PAGE) - 1);
      assert.ok(stored <= pages * PAGE * 1.1, `cycle ${cycle}: ${stored} bytes for ${pages} pages`);
      assert.ok(layers <= 3, `cycle ${cycle}: ${layers} disk layers`);
      const now = await call('GET');
      assert.deepEqual(
        { ...now, beats: undefined },
        { rows: cycle * 50, entries: cycle * 50, damaged: 0, integrity: 'ok', pid: before.pid, alive: true, beats: undefined },
        `cycle ${cycle}`,
      );
      assert.ok(now.beats >= grown.beats, 'the process went on from where it was');
      before = now;
    }
    const { pages, stored } = await storageAfter(running, dir);
    t.diagnostic(`at the end ${pages} pages dirtied, ${stored} bytes stored; overhead at most ${(Math.max(...overheads) * 100).toFixed(1)} %`);
  });
});

async function storageAfter(vm: RunningVm, dir: string): ReturnType<typeof storage> {
  await vm.suspend();
  return storage(dir);
}

/** Of a suspended MicroVM: its memory, as pages and as bytes on disk, and how many layers its disk has. */
async function storage(dir: string): Promise<{ pages: number; stored: number; layers: number }> {
  const suspension = join(dir, 'suspension');
  const { runs } = JSON.parse(await readFile(join(suspension, 'manifest.json'), 'utf8')) as { runs: [number, number][] };
  let stored = 0;
  for (const name of await readdir(suspension)) stored += (await stat(join(suspension, name))).blocks * 512;
  return {
    pages: runs.reduce((sum, [, count]) => sum + count, 0),
    stored,
    layers: (await readdir(dir)).filter((name) => name.endsWith('.qcow2')).length,
  };
}
