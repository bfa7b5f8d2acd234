/** `npm run sbom` over the assets of this host. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Bom, PART } from '../../scripts/sbom/cyclonedx.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test('the bill of materials lists all that is shipped or made: npm, Go, kernel, managed base, builder', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tardigrade-sbom-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sbom.json');
  await promisify(execFile)('npm', ['run', '--silent', 'sbom', '--', file], { cwd: ROOT });
  const bom = JSON.parse(await readFile(file, 'utf8')) as Bom;

  assert.equal(bom.bomFormat, 'CycloneDX');
  assert.equal(bom.specVersion, '1.5');
  assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f-]{36}$/);
  assert.equal(bom.metadata.component.name, 'tardigrade');
  for (const component of bom.components) {
    assert.match(component.purl, /^pkg:(npm|golang|deb)\/[^@]+@[^@]+$/, component.name);
    assert.notEqual(component.version, '');
    if (component.purl.startsWith('pkg:npm/')) assert.ok((component.licenses ?? []).length > 0, `${component.name} has no licence`);
  }

  const parts = (part: string): string[] => bom.components.filter(({ properties }) => properties?.some(({ name, value }) => name === PART && value === part)).map(({ name }) => name);
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const names = new Set(bom.components.map(({ name }) => name));
  assert.deepEqual(Object.keys(dependencies).filter((name) => !names.has(name)), []);
  assert.ok(!names.has('typescript'), 'a tool of development is not shipped');
  assert.deepEqual(parts('agent').sort(), ['std', 'tardigrade/agent']);
  assert.match(parts('guest-kernel').join(), /^linux-image-[\w.-]+$/);
  for (const [part, packages] of Object.entries({ 'managed-base': ['libc6', 'python3', 'python3-flask', 'gunicorn', 'ca-certificates'], builder: ['libc6', 'buildah', 'e2fsprogs'] })) {
    assert.deepEqual(packages.filter((name) => !parts(part).includes(name)), [], part);
  }

  // Every reference leads to one component, and the whole depends on each.
  const refs = bom.components.map((component) => component['bom-ref']);
  assert.equal(new Set(refs).size, refs.length);
  const known = new Set([bom.metadata.component['bom-ref'], ...refs]);
  for (const { ref, dependsOn } of bom.dependencies) assert.deepEqual([ref, ...dependsOn].filter((one) => !known.has(one)), []);
});
