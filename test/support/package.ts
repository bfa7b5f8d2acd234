/** The package as `npm pack` makes it of this checkout, without touching the checkout. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LEFT_OUT = new Set(['node_modules', 'dist', '.git', '.ci', 'test', 'bench']);

/** Answers the archive's path, in `work`. */
export async function packCheckout(work: string): Promise<string> {
  const copy = join(work, 'checkout');
  await mkdir(copy);
  for (const name of await readdir(ROOT)) if (!LEFT_OUT.has(name)) await cp(join(ROOT, name), join(copy, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', work], { cwd: copy, maxBuffer: 1e8 });
  return join(work, stdout.trim().split('\n').at(-1) ?? '');
}
