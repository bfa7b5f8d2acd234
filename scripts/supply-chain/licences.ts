/** Licences of production dependencies, against the ones this project may be given away with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Lockfile, production } from './lockfile.js';

/** SPDX identifiers of permissive licences: they ask for a notice at most. */
const ALLOWED: ReadonlySet<string> = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']);

/**
 * Does an SPDX expression let us choose allowed licences only? OR needs one side, AND both; AND binds more tightly.
 * What is not such an expression (`WITH`, `SEE LICENSE IN …`, nothing) is not allowed: a person looks at it.
 */
export function allowed(expression: string): boolean {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const operand = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && ALLOWED.has(token);
    const inner = either();
    return tokens[at++] === ')' && inner;
  };
  const both = (): boolean => {
    let holds = operand();
    while (tokens[at] === 'AND') {
      at += 1;
      holds = operand() && holds;
    }
    return holds;
  };
  const either = (): boolean => {
    let holds = both();
    while (tokens[at] === 'OR') {
      at += 1;
      holds = both() || holds;
    }
    return holds;
  };
  return either() && at === tokens.length;
}

const packageSchema = z.object({ license: z.union([z.string(), z.object({ type: z.string() })]).optional() });

/**
 * A line for each production dependency whose licence is not allowed, or is not the one the lockfile says. Packages for
 * other platforms are not installed: the lockfile speaks for those.
 */
export async function licenceFaults(root: string, lockfile: Lockfile): Promise<string[]> {
  const faults = await Promise.all(
    production(lockfile).map(async ([folder, { license: locked, optional }]) => {
      const installed = await installedLicence(join(root, folder, 'package.json'));
      if (installed === 'absent' && optional !== true) return `${folder}: not installed; run npm ci`;
      const licence = installed === 'absent' ? locked : installed;
      if (licence === undefined || !allowed(licence)) return `${folder}: licence ${licence ?? 'not given'} is not in the list of allowed ones (${[...ALLOWED].join(', ')})`;
      if (locked !== undefined && licence !== locked) return `${folder}: licence ${licence}, the lockfile says ${locked}`;
      return undefined;
    }),
  );
  return faults.filter((fault) => fault !== undefined);
}

async function installedLicence(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw error;
  }
  const { license } = packageSchema.parse(JSON.parse(text));
  return typeof license === 'object' ? license.type : license;
}
