/** docs/configuration.md names the settings of src/config/config.ts, all of them and no others. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): Promise<string> => readFile(ROOT + path, 'utf8');
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

test('every setting has its row, every row its setting', async () => {
  const settings = matches(await read('src/config/config.ts'), /^ {2}(TARDIGRADE_[A-Z0-9_]+):/gm);
  const rows = matches(await read('docs/configuration.md'), /^\| `(TARDIGRADE_[A-Z0-9_]+)` \|/gm);
  assert.ok(settings.length > 0);
  assert.deepEqual(rows.toSorted(), settings.toSorted());
});

test('the documents mention no setting that does not exist', async () => {
  const settings = new Set(matches(await read('src/config/config.ts'), /^ {2}(TARDIGRADE_[A-Z0-9_]+):/gm));
  // Names the file of settings, so it is none itself.
  settings.add('TARDIGRADE_CONFIG');
  // Printed by `tardigrade env` for clients, read by none of our code.
  settings.add('TARDIGRADE_CA_FILE');
  for (const path of ['README.md', 'CONTRIBUTING.md', 'docs/configuration.md', 'docs/networking.md', 'docs/endpoint.md', 'docs/engine.md', 'docs/images.md', 'docs/architecture.md']) {
    const unknown = matches(await read(path), /\b(TARDIGRADE_[A-Z0-9]+(?:_[A-Z0-9]+)*)\b/g).filter((name) => !settings.has(name));
    assert.deepEqual(unknown, [], path);
  }
});
