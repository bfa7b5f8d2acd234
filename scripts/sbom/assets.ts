/** Reads package lists out of the assets that a set-up left, without making or mounting anything. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/assets/shell.js';
import { OperatorError } from '../../src/errors/index.js';

/** Of a kind, the one used last. */
export async function newestAsset(assetsDir: string, kind: string): Promise<string> {
  const names = (await readdir(assetsDir)).filter((name) => new RegExp(`^${kind}-[0-9a-f]{16}$`).test(name));
  const used = await Promise.all(names.map(async (name) => ({ path: join(assetsDir, name), at: (await stat(join(assetsDir, name))).mtimeMs })));
  const [newest] = used.toSorted((a, b) => b.at - a.at);
  if (newest === undefined) throw new OperatorError(`${assetsDir} holds no ${kind}: run "npx tardigrade setup" first`);
  return newest.path;
}

const STATUS = '/var/lib/dpkg/status';
const LAYERS = '/var/lib/containers/storage/overlay';

/** dpkg's records of the builder, and of the managed base in its image store. */
export async function dpkgStatuses(disk: string): Promise<{ builder: string; base: string }> {
  const layers = (await debugfs(disk, `ls -p ${LAYERS}`)).split('\n').map((line) => line.split('/')[5] ?? '').filter((name) => /^[0-9a-f]{64}$/.test(name));
  const statuses = await Promise.all(layers.map((layer) => debugfs(disk, `cat ${LAYERS}/${layer}/diff${STATUS}`)));
  return { builder: await debugfs(disk, `cat ${STATUS}`), base: statuses.join('\n\n') };
}

/** debugfs reads an ext4 image as it is; of a file that is not there it prints nothing. */
function debugfs(disk: string, command: string): Promise<string> {
  return run('debugfs', ['-R', command, disk]);
}

export async function guestKernel(assetsDir: string): Promise<Buffer> {
  return readFile(join(await newestAsset(assetsDir, 'kernel'), 'vmlinux'));
}
