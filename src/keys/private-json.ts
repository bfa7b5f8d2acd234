/** JSON files of the operator's that hold secrets or rights: of their owner alone. */
import { readFile, stat } from 'node:fs/promises';
import { OperatorError } from '../errors/index.js';

/** undefined: there is no such file. A file that is no JSON reads as null. Throws OperatorError when others may read it. */
export async function readPrivateJson(path: string, holds: string): Promise<{ readonly value: unknown } | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new OperatorError(`${path} has mode ${(mode & 0o777).toString(8)}: it holds ${holds} and must have mode 600; run: chmod 600 ${path}`);
    }
    return { value: parseJson(await readFile(path, 'utf8')) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
