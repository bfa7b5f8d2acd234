/** docs/unknowns.md and the `Unknown: <id>` marks in the code say the same. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface Row {
  readonly id: string;
  readonly files: readonly string[];
}

let rows: readonly Row[] = [];
/** By file, relative to the root: the ids marked in it. */
const marks = new Map<string, Set<string>>();

before(async () => {
  rows = parseRows(await readFile(join(ROOT, 'docs/unknowns.md'), 'utf8'));
  for (const folder of ['src', 'guest']) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|go)$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const ids = [...(await readFile(path, 'utf8')).matchAll(/\bUnknown: ([a-z0-9-]+)/g)].map((match) => match[1] ?? '');
      if (ids.length > 0) marks.set(path.slice(ROOT.length), new Set(ids));
    }
  }
});

/** `| id | question | choice | files in backticks |` */
function parseRows(text: string): Row[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| id |'))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      return { id: cells[1] ?? '', files: [...(cells[4] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '') };
    });
}

describe('docs/unknowns.md', () => {
  it('has every id once', () => {
    const ids = rows.map(({ id }) => id);
    assert.ok(ids.length > 0);
    assert.deepEqual(ids.filter((id, index) => ids.indexOf(id) !== index), []);
  });

  it('names a kebab-case id and at least one file in every row', () => {
    for (const { id, files } of rows) {
      assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      assert.ok(files.length > 0, `${id} names no file in its fourth cell`);
    }
  });

  it('names for every row files that hold its mark', () => {
    const wrong = rows.flatMap(({ id, files }) => files.filter((file) => marks.get(file)?.has(id) !== true).map((file) => `${id}: no "Unknown: ${id}" in ${file}`));
    assert.deepEqual(wrong, []);
  });

  it('has a row for every mark', () => {
    const known = new Set(rows.map(({ id }) => id));
    const wrong = [...marks].flatMap(([file, ids]) => [...ids].filter((id) => !known.has(id)).map((id) => `${file}: Unknown: ${id} has no row`));
    assert.deepEqual(wrong, []);
  });
});
