/** Programs of ours in Go: static, and the same bytes from the same sources and compiler. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './shell.js';

/** What a program is made from: its sources and the compiler's version. */
export async function goSources(moduleDir: string): Promise<(string | Buffer)[]> {
  const names = (await readdir(moduleDir)).filter((name) => /\.go$|^go\.mod$/.test(name) && !name.endsWith('_test.go')).sort();
  const contents = await Promise.all(names.map((name) => readFile(join(moduleDir, name))));
  return [await run('go', ['version']), ...names, ...contents];
}

export async function goBuild(moduleDir: string, target: string): Promise<void> {
  await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=', '-o', target, '.'], {
    cwd: moduleDir,
    env: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
  });
}
