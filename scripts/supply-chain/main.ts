/**
 * Checks what the project is made of (docs/supply-chain.md): the lockfile pins every package, production dependencies have
 * allowed licences and no known serious vulnerabilities. Exit code 1 when one of them does not hold.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { audit } from './audit.js';
import { licenceFaults } from './licences.js';
import { type Lockfile, production, unpinned } from './lockfile.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const lockfile = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;

function tell(check: string, faults: readonly string[], good: string): void {
  for (const fault of faults) console.error(`${check}: ${fault}`);
  if (faults.length === 0) console.log(`${check}: ${good}`);
  else process.exitCode = 1;
}

tell('lockfile', unpinned(lockfile), `${Object.keys(lockfile.packages).length - 1} packages pinned by SHA-512`);
tell('licences', await licenceFaults(ROOT, lockfile), `those of ${production(lockfile).length} production packages are allowed`);
const result = await audit(ROOT);
if (result.kind === 'unreachable') console.log(`npm audit: NOT CHECKED, the registry's audit endpoint cannot be used here: ${result.reason}`);
else tell('npm audit', result.kind === 'clean' ? [] : result.lines, `no high or critical vulnerability in ${result.kind === 'clean' ? result.dependencies : 0} production packages`);
