/** What the documents point to is there. */
import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const pages = [...(await readdir(ROOT)), ...(await readdir(join(ROOT, 'docs'))).map((name) => `docs/${name}`)].filter((name) => name.endsWith('.md')).map((name) => join(ROOT, name));

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
