import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { audit } from '../../../scripts/supply-chain/audit.js';
import { allowed, licenceFaults } from '../../../scripts/supply-chain/licences.js';
import { type Lockfile, type LockEntry, production, unpinned } from '../../../scripts/supply-chain/lockfile.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const good: LockEntry = { version: '1.0.0', integrity: 'sha512-AAAA', license: 'MIT' };
const lockfileOf = (packages: Record<string, LockEntry>): Lockfile => ({ lockfileVersion: 3, packages: { '': { version: '0.1.0' }, ...packages } });

describe('lockfile', () => {
  const cases: readonly [what: string, entry: LockEntry, fault: RegExp | undefined][] = [
    ['a checksum', good, undefined],
    ['a checksum and the registry', { ...good, resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' }, undefined],
    ['no checksum', { version: '1.0.0' }, /no SHA-512/],
    ['a weak checksum', { ...good, integrity: 'sha1-AAAA' }, /no SHA-512/],
    ['another host', { ...good, resolved: 'https://registry.example.com/a.tgz' }, /registry\.example\.com/],
    ['a host that begins like the registry', { ...good, resolved: 'https://registry.npmjs.org.example.com/a.tgz' }, /example\.com/],
    ['plain HTTP', { ...good, resolved: 'http://registry.npmjs.org/a/-/a-1.0.0.tgz' }, /http:/],
    ['git', { ...good, resolved: 'git+ssh://git@github.com/a/a.git#0' }, /git\+ssh/],
    ['a folder', { link: true, resolved: 'packages/a' }, /a link/],
    ['no version', { integrity: 'sha512-AAAA' }, /no version/],
  ];
  for (const [what, entry, fault] of cases) {
    test(`${what}: ${fault === undefined ? 'taken' : 'refused'}`, () => {
      const found = unpinned(lockfileOf({ 'node_modules/a': entry }));
      if (fault === undefined) assert.deepEqual(found, []);
      else assert.match(found.join('\n'), fault);
    });
  }

  test('another version of the format is refused', () => {
    assert.match(unpinned({ ...lockfileOf({}), lockfileVersion: 1 }).join(), /version 1/);
  });

  test('this project\'s own pins everything', async () => {
    const lockfile = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
    assert.deepEqual(unpinned(lockfile), []);
    assert.ok(production(lockfile).length > 10);
    assert.ok(!production(lockfile).some(([folder]) => folder === 'node_modules/typescript'));
  });
});

describe('licences', () => {
  for (const [expression, expected] of [
    ['MIT', true],
    ['GPL-3.0-only', false],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND GPL-3.0-only', false],
    ['MIT AND ISC', true],
    ['GPL-2.0-only AND MIT OR ISC', true],
    ['GPL-2.0-only AND (MIT OR ISC)', false],
    ['Apache-2.0 WITH LLVM-exception', false],
    ['SEE LICENSE IN LICENSE', false],
    ['(MIT', false],
    ['MIT)', false],
    ['MIT OR', false],
    ['', false],
    ['UNLICENSED', false],
  ] as const) {
    test(`${expression === '' ? 'nothing' : expression}: ${expected ? 'allowed' : 'not allowed'}`, () => assert.equal(allowed(expression), expected));
  }

  async function project(t: TestContext, entry: LockEntry, manifest: object | undefined): Promise<string[]> {
    const root = await mkdtemp(join(tmpdir(), 'tardigrade-licences-'));
    t.after(() => rm(root, { recursive: true }));
    await mkdir(join(root, 'node_modules/a'), { recursive: true });
    if (manifest !== undefined) await writeFile(join(root, 'node_modules/a/package.json'), JSON.stringify(manifest));
    return licenceFaults(root, lockfileOf({ 'node_modules/a': entry, 'node_modules/tool': { ...good, dev: true, license: 'GPL-3.0-only' } }));
  }

  test('the installed package is asked; dependencies of development do not count', async (t) => {
    assert.deepEqual(await project(t, good, { license: 'MIT' }), []);
    assert.deepEqual(await project(t, good, { license: { type: 'MIT' } }), []);
    assert.match((await project(t, good, { license: 'AGPL-3.0-only' })).join(), /node_modules\/a: licence AGPL-3\.0-only is not in the list/);
    assert.match((await project(t, good, {})).join(), /licence not given/);
    assert.match((await project(t, good, { license: 'ISC' })).join(), /licence ISC, the lockfile says MIT/);
  });

  test('one that is not installed is a fault, but for another platform the lockfile speaks', async (t) => {
    assert.match((await project(t, good, undefined)).join(), /npm ci/);
    assert.deepEqual(await project(t, { ...good, optional: true }, undefined), []);
    assert.match((await project(t, { ...good, optional: true, license: 'GPL-3.0-only' }, undefined)).join(), /GPL-3\.0-only/);
  });
});

/** What a registry answers to the one question of `npm audit`. */
interface Registry {
  readonly status: number;
  readonly advisories: Record<string, readonly object[]>;
}

describe('npm audit', () => {
  /** npm itself asks a registry on this host about a project with one dependency. */
  async function ask(t: TestContext, { status, advisories }: Registry): Promise<Awaited<ReturnType<typeof audit>>> {
    const root = await mkdtemp(join(tmpdir(), 'tardigrade-audit-'));
    const registry = createServer((request, response) => {
      request.resume();
      const isQuestion = request.url === '/-/npm/v1/security/advisories/bulk';
      const found = isQuestion ? advisories : { name: 'left', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name: 'left', version: '1.0.0' } } };
      response.writeHead(isQuestion ? status : 200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    t.after(async () => {
      registry.close();
      registry.closeAllConnections();
      await rm(root, { recursive: true });
    });
    await writeFile(join(root, 'package.json'), JSON.stringify({ name: 'p', version: '1.0.0', dependencies: { left: '1.0.0' } }));
    await writeFile(join(root, 'package-lock.json'), JSON.stringify({ name: 'p', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': { name: 'p', version: '1.0.0', dependencies: { left: '1.0.0' } }, 'node_modules/left': { version: '1.0.0', integrity: 'sha512-AAAA' } } }));
    // A cache of its own: npm keeps advisories by their id.
    return audit(root, [`--registry=http://127.0.0.1:${(registry.address() as AddressInfo).port}`, `--cache=${join(root, 'cache')}`]);
  }

  const advisory = (severity: string): object => ({ id: 1, url: 'https://example.com/1', title: 'Pads too far', severity, vulnerable_versions: '<2.0.0', cwe: [], cvss: { score: 0, vectorString: null } });

  test('no advisory: clean', async (t) => {
    assert.deepEqual(await ask(t, { status: 200, advisories: {} }), { kind: 'clean', dependencies: 2 });
  });

  test('a moderate one does not fail the run', async (t) => {
    assert.equal((await ask(t, { status: 200, advisories: { left: [advisory('moderate')] } })).kind, 'clean');
  });

  for (const severity of ['high', 'critical']) {
    test(`a ${severity} one does, and is named`, async (t) => {
      const result = await ask(t, { status: 200, advisories: { left: [advisory(severity)] } });
      assert.equal(result.kind, 'vulnerable');
      assert.match(result.lines.join(), new RegExp(`^left .*: ${severity}: Pads too far \\(https://example\\.com/1\\)$`));
    });
  }

  test('a registry without the endpoint: not checked, which is said, and neither clean nor vulnerable', async (t) => {
    const result = await ask(t, { status: 405, advisories: {} });
    assert.equal(result.kind, 'unreachable');
    assert.match(result.reason, /405/);
  });
});
