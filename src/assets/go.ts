/**
 * Programs of ours in Go: static, and the same bytes from the same sources and compiler. Packages bring them built, so that
 * a host that only serves needs no compiler.
 */
import { chmod, copyFile, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './shell.js';
import { digestOf, exists } from './store.js';

const GO_ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' } as const;
export type GoArchitecture = (typeof GO_ARCHITECTURE)[keyof typeof GO_ARCHITECTURE];

/** What a program is made from: the one a package brings, or its sources and the compiler's version. */
export async function goSources(moduleDir: string): Promise<(string | Buffer)[]> {
  const ready = await readyProgram(moduleDir);
  if (ready !== undefined) return [await readFile(ready)];
  return [await run('go', ['version']), ...(await sourcesOf(moduleDir))];
}

export async function goBuild(moduleDir: string, target: string): Promise<void> {
  const ready = await readyProgram(moduleDir);
  if (ready === undefined) return compile(moduleDir, target);
  await copyFile(ready, target);
  await chmod(target, 0o755);
}

export async function compile(moduleDir: string, target: string, architecture?: GoArchitecture): Promise<void> {
  await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=', '-o', target, '.'], {
    cwd: moduleDir,
    env: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local', ...(architecture === undefined ? {} : { GOARCH: architecture }) },
  });
}

/** Where a package has the program. Its sources are in the name: a program of other sources is none. */
export async function readyPath(moduleDir: string, architecture: GoArchitecture): Promise<string> {
  return join(moduleDir, '../../dist/prebuilt', `${basename(moduleDir)}-${architecture}-${digestOf(...(await sourcesOf(moduleDir)))}`);
}

/** Does a package bring the program for this machine? */
export async function isBuilt(moduleDir: string): Promise<boolean> {
  return (await readyProgram(moduleDir)) !== undefined;
}

async function readyProgram(moduleDir: string): Promise<string | undefined> {
  const path = await readyPath(moduleDir, GO_ARCHITECTURE[process.arch as keyof typeof GO_ARCHITECTURE]);
  return (await exists(path)) ? path : undefined;
}

async function sourcesOf(moduleDir: string): Promise<(string | Buffer)[]> {
  const names = (await readdir(moduleDir)).filter((name) => /\.go$|^go\.mod$/.test(name) && !name.endsWith('_test.go')).sort();
  return [...names, ...(await Promise.all(names.map((name) => readFile(join(moduleDir, name)))))];
}
