/** Secrets of this server that must be the same after a restart: made at first start, in files of their owner alone. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../errors/index.js';

const BYTES = 32;

/** `<dataDir>/keys/<name>` */
export async function loadOrCreateSecret(dataDir: string, name: 'page-key' | 'role-key'): Promise<Buffer> {
  const path = join(dataDir, 'keys', name);
  await mkdir(join(dataDir, 'keys'), { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, randomBytes(BYTES), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = await readFile(path);
  if (key.length !== BYTES) throw new OperatorError(`${path}: ${key.length} bytes, ${BYTES} are needed; remove it to have a new one made`);
  return key;
}
