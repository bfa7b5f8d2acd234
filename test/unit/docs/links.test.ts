/** What the documents point to is there. */
import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const examples = (await readdir(join(ROOT, 'examples'))).map((name) => `examples/${name}`);
const folders = ['', 'docs', ...examples];
const found = await Promise.all(folders.map(async (folder) => (await readdir(join(ROOT, folder))).map((name) => join(ROOT, folder, name))));
const pages = found.flat().filter((path) => path.endsWith('.md'));

async function missing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map((path) => access(path).then(() => true, () => false)));
  return paths.filter((_, index) => there[index] === false).map((path) => relative(ROOT, path));
}

for (const page of pages) {
  test(`${relative(ROOT, page)}: relative links lead somewhere`, async () => {
    const targets = [...(await readFile(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
    const files = targets.filter((target) => !/^(https?:|#)/.test(target)).map((target) => join(dirname(page), target.replace(/#.*$/, '')));
    assert.deepEqual(await missing(files), []);
  });

  test(`${relative(ROOT, page)}: source files named in it exist`, async () => {
    const named = [...(await readFile(page, 'utf8')).matchAll(/`((?:src|test|guest|examples|docs|bench|scripts)\/[\w./-]+\.\w+)`/g)].map((match) => join(ROOT, match[1] ?? ''));
    assert.deepEqual(await missing(named), []);
  });
}

test('docs/README.md lists every page', async () => {
  const index = await readFile(join(ROOT, 'docs/README.md'), 'utf8');
  const names = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md') && name !== 'README.md');
  assert.deepEqual(names.filter((name) => !index.includes(`](${name})`)), []);
});
