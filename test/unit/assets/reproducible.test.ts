/** Our Go programs are the same bytes from the same sources, wherever, whenever and by whomever they are built. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { goBuild, goSources } from '../../../src/assets/go.js';
import { digestOf } from '../../../src/assets/store.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Folders of Go modules that the service builds. */
async function modules(): Promise<string[]> {
  const folders = (await Promise.all(['guest', 'host'].map(async (name) => (await readdir(join(ROOT, name)).catch(() => [])).map((inner) => join(ROOT, name, inner))))).flat(); // `host` need not exist
  const isModule = await Promise.all(folders.map((folder) => access(join(folder, 'go.mod')).then(() => true, () => false)));
  return folders.filter((_, index) => isModule[index]);
}

const sha256 = async (path: string): Promise<string> => createHash('sha256').update(await readFile(path)).digest('hex');

const found = await modules();

describe('reproducible builds', () => {
  let work = '';
  const environment = { ...process.env };
  before(async () => (work = await mkdtemp(join(tmpdir(), 'tardigrade-reproducible-'))));
  after(async () => {
    process.env = environment;
    await rm(work, { recursive: true });
  });

  /** A copy in a folder of its own, of another age; `user` has folders of their own, so no object is of another's build. */
  async function copyAndBuild(module: string, user: string, name: string, edit?: (folder: string) => Promise<void>): Promise<{ program: string; sources: string }> {
    const folder = join(work, user, name, 'sources');
    await mkdir(join(folder, '..'), { recursive: true });
    await cp(module, folder, { recursive: true });
    await utimes(join(folder, 'go.mod'), new Date(0), new Date(user.length * 1e11));
    await edit?.(folder);
    process.env = { ...environment, HOME: join(work, user, 'home'), GOPATH: join(work, user, 'path'), GOCACHE: join(work, user, 'cache') };
    const program = join(work, user, name, 'program');
    await goBuild(folder, program);
    return { program: await sha256(program), sources: digestOf(...(await goSources(folder))) };
  }

  test('the guest\'s agent is among the modules', () => {
    assert.ok(found.includes(join(ROOT, 'guest/agent')), found.join());
  });

  for (const module of found) {
    const name = relative(ROOT, module);
    test(`${name}: two builds in different folders are byte-identical`, async () => {
      const first = await copyAndBuild(module, 'ann', name);
      assert.deepEqual(await copyAndBuild(module, 'bertrand/in/another/place', name), first);
      const bytes = await readFile(join(work, 'ann', name, 'program'), 'latin1');
      assert.equal(bytes.slice(1, 4), 'ELF');
      assert.ok(!bytes.includes(work), 'the program holds the path it was built in');
    });
  }

  test('other sources make another program, and another asset', async () => {
    const module = join(ROOT, 'guest/agent');
    const edited = await copyAndBuild(module, 'ann', 'edited', (folder) => writeFile(join(folder, 'extra.go'), 'package main\n\nfunc init() { println("extra") }\n'));
    assert.notEqual(edited.sources, digestOf(...(await goSources(module))));
    assert.notEqual(edited.program, await sha256(join(work, 'ann/guest/agent/program')));
  });
});
