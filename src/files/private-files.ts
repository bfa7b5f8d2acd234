/** Files of keys and rights: readable by the owner alone, written whole or not at all. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '../errors/index.js';

/** The text, or undefined when there is no such file. `holds`: what it is kept private for. Throws OperatorError when others may read it. */
export async function readPrivateFile(path: string, holds = 'secret keys'): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    mustBePrivate(path, mode, `holds ${holds}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The value; undefined when there is no such file. One that is no JSON reads as null. Throws as {@link readPrivateFile}. */
export async function readPrivateJson(path: string, holds?: string): Promise<{ readonly value: unknown } | undefined> {
  const text = await readPrivateFile(path, holds);
  return text === undefined ? undefined : { value: parseJson(text) };
}

/** Throws OperatorError when others than its owner may use the file. `what`: as in "holds secret keys". */
export function mustBePrivate(path: string, mode: number, what: string): void {
  if ((mode & 0o077) !== 0) throw new OperatorError(`${path} has mode ${(mode & 0o777).toString(8)}: it ${what} and must have mode 600; run: chmod 600 ${path}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Replaces the file in one step, on stable storage: a crash leaves the old one or the new one. */
export async function writeFileWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await file.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
