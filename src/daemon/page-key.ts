/** The key that signs paging tokens: made at first start, so that a token outlives a restart. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../errors/index.js';

const BYTES = 32;

export async function loadOrCreatePageKey(dataDir: string): Promise<Buffer> {
  const path = join(dataDir, 'keys', 'page-key');
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
