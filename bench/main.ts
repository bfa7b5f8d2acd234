/** `npm run bench -- <name>`: runs `bench/<name>.ts`. */
import { readdir } from 'node:fs/promises';

const HELPERS = new Set(['main.ts', 'statistics.ts', 'bare-restore.ts']);
const names = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.ts') && !HELPERS.has(file)).map((file) => file.slice(0, -3));
const [name = ''] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- <${names.join('|')}>`);
  process.exit(2);
}
const { default: run } = (await import(`./${name}.ts`)) as { default: () => Promise<void> };
await run();
