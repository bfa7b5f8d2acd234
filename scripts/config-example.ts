/**
 * Brings the documents of settings up to date with src/config/config.ts: the key column of docs/configuration.md, and
 * packaging/config.example.yaml, whose comments are that page's. `--check` changes nothing and ends with 1 if they are not.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { exampleFile, withKeys } from './config-example/render.js';

const DOCS = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../packaging/config.example.yaml', import.meta.url));

const before = await readFile(DOCS, 'utf8');
const docs = withKeys(before);
const example = exampleFile(docs);
const old = await readFile(EXAMPLE, 'utf8').catch(() => '');
if (process.argv.includes('--check')) {
  if (docs !== before || example !== old) {
    process.stderr.write('docs/configuration.md or packaging/config.example.yaml is behind src/config/config.ts: run npm run config-example\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(DOCS, docs);
  await writeFile(EXAMPLE, example);
}
