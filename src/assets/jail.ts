/**
 * What a VMM's jail is made of: the program that makes it, and the tree the VMM sees, with its program, the libraries
 * that needs, and firmware. Copies, so that an upgrade of the host's packages changes nothing under a running VMM.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, OperatorError } from '../errors/index.js';
import type { Progress } from './contracts.js';
import { goBuild, goSources } from './go.js';
import { run } from './shell.js';
import { digestOf, ensureAsset, exists } from './store.js';

/** Makes jails; its argument list tells a later daemon whose VM is in it. */
export const LAUNCHER = 'tardigrade-jail';

export async function ensureLauncher(assetsDir: string, moduleDir: string, progress: Progress): Promise<string> {
  const dir = await ensureAsset(assetsDir, 'jail', digestOf(...(await goSources(moduleDir)), 'layout-1'), (target) =>
    progress.step('jail of the VMM: build', () => goBuild(moduleDir, join(target, LAUNCHER))));
  return join(dir, LAUNCHER);
}

export interface VmmTree {
  /** Has bin/, lib/, modules/ and firmware/; all may read it. */
  readonly tree: string;
  /** An empty folder, to mount on. */
  readonly mount: string;
}

/** Boot code of the machines we use; those the host has. */
const FIRMWARE = ['bios-microvm.bin', 'qboot.rom', 'linuxboot.bin', 'linuxboot_dma.bin', 'multiboot.bin', 'multiboot_dma.bin', 'pvh.bin', 'kvmvapic.bin'];

/** `program`: the VMM's name. Throws OperatorError when it is not installed. */
export async function ensureVmmTree(assetsDir: string, program: string, progress: Progress): Promise<VmmTree> {
  const files = await filesOf(program);
  const states = await Promise.all(files.map(async ({ from, to }) => {
    const { size, mtimeMs } = await stat(from);
    return `${from} ${to} ${size} ${mtimeMs}`;
  }));
  const dir = await ensureAsset(assetsDir, 'vmm', digestOf(program, ...states, 'layout-1'), (target) =>
    progress.step('jail of the VMM: copy its program and libraries', async () => {
      // World-readable whatever the umask: each VMM has a user of its own.
      for (const folder of ['', 'mount', 'tree', ...FOLDERS.map((name) => join('tree', name))]) {
        await mkdir(join(target, folder), { recursive: true });
        await chmod(join(target, folder), 0o755);
      }
      for (const { from, to } of files) {
        await copyFile(from, join(target, 'tree', to));
        await chmod(join(target, 'tree', to), to.startsWith('firmware/') ? 0o644 : 0o755);
      }
    }));
  return { tree: join(dir, 'tree'), mount: join(dir, 'mount') };
}

const FOLDERS = ['bin', 'lib', 'modules', 'firmware'];

interface Copied {
  readonly from: string;
  /** In the tree. */
  readonly to: string;
}

async function filesOf(name: string): Promise<Copied[]> {
  const program = await which(name);
  const libraries = new Set(await librariesOf(program));
  const modules = await acceleratorModules(name, libraries);
  for (const module of modules) for (const library of await librariesOf(module)) libraries.add(library);
  return [
    { from: await realpath(program), to: join('bin', name) },
    ...[...libraries].map((from) => ({ from, to: join('lib', basename(from)) })),
    ...modules.map((from) => ({ from, to: join('modules', basename(from)) })),
    ...(await firmwareOf(program)),
  ];
}

async function which(program: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '/usr/bin:/bin').split(':')) if (await exists(join(folder, program))) return join(folder, program);
  throw new OperatorError(`cannot find ${program}; install it (Debian: qemu-system-x86 or qemu-system-arm)`);
}

/** By the loader: `libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)`, and the loader itself, `/lib64/ld-linux… (0x…)`. */
async function librariesOf(file: string): Promise<string[]> {
  const listing = await run('ldd', [file]);
  if (listing.includes('not found')) throw new OperatorError(`${file} needs libraries that are not installed:\n${listing}`);
  return [...listing.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
}

/** Software emulation may be a module of QEMU's that it loads when it is asked for. */
async function acceleratorModules(program: string, libraries: ReadonlySet<string>): Promise<string[]> {
  const wanted = `accel-tcg-${program.replace('qemu-system-', '')}.so`;
  const folders = new Set([...libraries].flatMap((library) => [dirname(library), join('/usr', dirname(library))]));
  for (const folder of folders) if (await exists(join(folder, 'qemu', wanted))) return [join(folder, 'qemu', wanted)];
  return [];
}

async function firmwareOf(program: string): Promise<Copied[]> {
  const { stdout } = await promisify(execFile)(program, ['-L', 'help']).catch((error: unknown) => {
    throw new OperatorError(`cannot run ${program}: ${messageOf(error)}`);
  });
  const found = new Map<string, string>();
  for (const folder of stdout.split('\n').filter(Boolean)) {
    const names = await readdir(folder).catch(() => []); // QEMU names folders that need not be there
    for (const name of names) if (FIRMWARE.includes(name) && !found.has(name)) found.set(name, join(folder, name));
  }
  return [...found].map(([name, from]) => ({ from, to: join('firmware', name) }));
}
