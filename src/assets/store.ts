/** The folder of assets: made once per content, complete or absent. */
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** Short digest of what an asset is made from. */
export function digestOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update('\0').update(part);
  return hash.digest('hex').slice(0, 16);
}

/**
 * The folder `<root>/<kind>-<digest>`; when it is absent, `make` fills a temporary one that is then renamed, so an
 * interrupted run leaves nothing half-made behind. Older ones of the kind that no start used for 30 days are removed.
 */
export async function ensureAsset(root: string, kind: string, digest: string, make: (dir: string) => Promise<void>): Promise<string> {
  const dir = join(root, `${kind}-${digest}`);
  await mkdir(root, { recursive: true, mode: 0o755 });
  if (!(await exists(dir))) {
    const temporary = join(root, `.${kind}-${randomUUID()}`);
    await mkdir(temporary);
    try {
      await make(temporary);
      await rename(temporary, dir);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  const now = new Date();
  await utimes(dir, now, now);
  await removeOld(root, kind, dir);
  return dir;
}

const KEEP_MS = 30 * 24 * 3600 * 1000;

async function removeOld(root: string, kind: string, current: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    if (path === current || !new RegExp(`^\\.?${kind}-`).test(name)) continue;
    if (Date.now() - (await stat(path)).mtimeMs > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
