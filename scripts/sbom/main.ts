/** `npm run sbom -- [file]`: the software bill of materials, CycloneDX as JSON (docs/supply-chain.md). */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/assets/shell.js';
import { loadConfig } from '../../src/config/config.js';
import { dpkgStatuses, guestKernel, newestAsset } from './assets.js';
import { type Bom, extend, shipped } from './cyclonedx.js';
import { debianComponents, kernelComponent } from './debian.js';
import { goComponents } from './go.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64' | 'arm64'];

const { assetsDir } = loadConfig();
const npm = JSON.parse(await run('npm', ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'], { cwd: ROOT })) as Bom;
const { name, version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { name: string; version: string };
// npm names it by its folder.
const whole = shipped({ ...npm, metadata: { ...npm.metadata, component: { ...npm.metadata.component, name } } });

const programs = (await Promise.all(['guest', 'host'].map((folder) => modulesIn(join(ROOT, folder))))).flat();
const { builder, base } = await dpkgStatuses(join(await newestAsset(assetsDir, 'builder'), 'disk.raw'));
const bom = extend(whole, [
  ...(await Promise.all(programs.map((program) => goComponents(program, version)))).flat(),
  kernelComponent(await guestKernel(assetsDir), ARCHITECTURE),
  ...debianComponents(base, 'managed-base'),
  ...debianComponents(builder, 'builder'),
]);

const [file] = process.argv.slice(2);
const text = `${JSON.stringify(bom, null, 2)}\n`;
if (file === undefined) process.stdout.write(text);
else await writeFile(file, text);

/** Folders with a Go module; `folder` need not exist. */
async function modulesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile() && entry.name === 'go.mod').map((entry) => entry.parentPath);
}
