/** What `image build` sends of a folder. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openPromise } from 'yauzl';
import { parseDockerignore } from '../../../src/cli/archive/dockerignore.js';
import { archiveOf } from '../../../src/cli/archive/pack.js';
import { CliError } from '../../../src/cli/errors.js';

test('.dockerignore, by the rules and examples of Docker\'s documentation', () => {
  const cases: readonly (readonly [file: string, left: readonly string[], kept: readonly string[]])[] = [
    ['*/temp*', ['somedir/temporary.txt', 'somedir/temp', 'somedir/temp/below'], ['temp', 'a/b/temp']],
    ['*/*/temp*', ['somedir/subdir/temporary.txt'], ['somedir/temp']],
    ['temp?', ['tempa', 'tempb', 'tempa/x'], ['temp', 'tempab', 'x/tempa']],
    ['**/*.go', ['a.go', 'a/b/c.go'], ['a.goo', 'go']],
    ['*.md\n!README.md', ['NOTES.md'], ['README.md', 'a/NOTES.md']],
    ['*.md\n!README*.md\nREADME-secret.md', ['A.md', 'README-secret.md'], ['README.md', 'README-x.md']],
    ['*.md\nREADME-secret.md\n!README*.md', ['A.md'], ['README-secret.md']],
    ['# comment\n\n  spaced  \n/rooted\nends/\n./dot', ['spaced', 'rooted', 'ends', 'ends/x', 'dot'], ['# comment', 'a/rooted']],
    ['foo/**', ['foo/bar', 'foo/bar/x'], ['foo']],
    ['**/node_modules', ['node_modules', 'a/b/node_modules/x.js'], ['node_modules2']],
    ['[ab].txt\n[^c]d', ['a.txt', 'b.txt', 'xd'], ['c.txt', 'cd']],
    ['a+b.(txt)\nc\\*d', ['a+b.(txt)', 'c*d'], ['aab.txt', 'cxd']],
    ['out\n!out/keep', ['out', 'out/x'], ['out/keep', 'out/keep/y']],
    ['**\n', ['anything', 'a/b'], ['Dockerfile', '.dockerignore']],
  ];
  for (const [file, left, kept] of cases) {
    const ignore = parseDockerignore(file);
    for (const path of left) assert.equal(ignore.excludes(path), true, `${JSON.stringify(file)} leaves out ${path}`);
    for (const path of kept) assert.equal(ignore.excludes(path), false, `${JSON.stringify(file)} keeps ${path}`);
  }
});

async function tree(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-archive-'));
  t.after(() => rm(dir, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), content);
  }
  return dir;
}

async function names(path: string): Promise<string[]> {
  const zip = await openPromise(path);
  const found: string[] = [];
  for await (const entry of zip.eachEntry()) found.push(`${entry.fileName} ${((entry.externalFileAttributes >>> 16) & 0o7777).toString(8)}`);
  return found;
}

const unwarned = (text: string): void => assert.fail(text);

test('the same content is the same zip, whenever and by whomever it was written', async (t) => {
  const files = { Dockerfile: 'FROM x\n', 'b/run.sh': '#!/bin/sh\n', 'a.txt': 'a', '.dockerignore': 'secret\n', secret: 's' };
  const first = await tree(t, files);
  const second = await tree(t, Object.fromEntries(Object.entries(files).reverse()));
  for (const dir of [first, second]) {
    await chmod(join(dir, 'b/run.sh'), dir === first ? 0o755 : 0o700);
    await mkdir(join(dir, 'empty'));
  }
  await chmod(join(second, 'a.txt'), 0o600);
  await utimes(join(second, 'a.txt'), 1e9, 1e9);
  const [one, two] = [await archiveOf(first, unwarned), await archiveOf(second, unwarned)];
  assert.equal(one.sha256, two.sha256);
  assert.deepEqual(await readFile(one.path), await readFile(two.path));
  assert.deepEqual(await names(one.path), ['.dockerignore 644', 'Dockerfile 644', 'a.txt 644', 'b/run.sh 755', 'empty/ 755']);
  assert.equal(one.files, 4);
  await Promise.all([one.release(), two.release()]);
  await assert.rejects(readFile(one.path), { code: 'ENOENT' });
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Asia/Tokyo';
  t.after(() => (zone === undefined ? delete process.env['TZ'] : (process.env['TZ'] = zone)));
  const far = await archiveOf(first, unwarned);
  assert.equal(far.sha256, one.sha256, 'in another time zone');
  await far.release();
});

test('links are followed inside the folder, and told when they lead out of it, nowhere or in a circle', async (t) => {
  const dir = await tree(t, { Dockerfile: 'FROM x\n', 'src/a': 'a' });
  await symlink('src/a', join(dir, 'inside'));
  await symlink('/etc/passwd', join(dir, 'outside'));
  await symlink('nowhere', join(dir, 'broken'));
  await symlink('..', join(dir, 'src/circle'));
  const warnings: string[] = [];
  const archive = await archiveOf(dir, (text) => warnings.push(text.split(':')[0] ?? ''));
  t.after(() => archive.release());
  assert.deepEqual(await names(archive.path), ['Dockerfile 644', 'inside 644', 'src/a 644']);
  assert.deepEqual(warnings.sort(), ['broken', 'outside', 'src/circle']);
});

test('what is kept below a folder that is left out', async (t) => {
  const dir = await tree(t, { Dockerfile: 'FROM x\n', '.dockerignore': 'out\n!out/keep\n', 'out/keep/x': '', 'out/y': '', 'other/z': '' });
  const archive = await archiveOf(dir, unwarned);
  t.after(() => archive.release());
  assert.deepEqual(await names(archive.path), ['.dockerignore 644', 'Dockerfile 644', 'other/z 644', 'out/keep/x 644']);
});

test('a zip is sent as it is; anything else is refused', async (t) => {
  const dir = await tree(t, { Dockerfile: 'FROM x\n', text: 'PC' });
  const made = await archiveOf(dir, unwarned);
  t.after(() => made.release());
  const again = await archiveOf(made.path, unwarned);
  assert.deepEqual([again.path, again.sha256, again.files], [made.path, made.sha256, undefined]);
  await again.release();
  await readFile(made.path); // it is the person's own
  await assert.rejects(archiveOf(join(dir, 'text'), unwarned), (error) => error instanceof CliError && error.exitCode === 2);
  await assert.rejects(archiveOf('/dev/null', unwarned), CliError);
});
