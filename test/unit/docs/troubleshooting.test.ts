/** docs/troubleshooting.md has a row for every code that the service can answer, and none for codes it cannot. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { REFUSAL, type Refusal, UNREACHABLE } from '../../../src/endpoint/refusals.js';
import { reasons } from '../../../src/microvms/reasons.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const page = await readFile(join(ROOT, 'docs/troubleshooting.md'), 'utf8');

/** Codes in the first cells of the tables below a heading. */
function codesBelow(heading: string): string[] {
  const section = page.split(/^#{2,3} /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (.*?) \|/gm)].map((match) => match[1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''));
}

async function sources(folder: string): Promise<string> {
  const names = (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith('.ts'));
  return (await Promise.all(names.map((name) => readFile(join(ROOT, folder, name), 'utf8')))).join('\n');
}

const all = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();

test('every code of the API', async () => {
  const codes = all(`${await sources('src/api')}\n${await sources('src/aws')}`, /'([A-Z]\w+Exception)'/g);
  assert.ok(codes.length > 20);
  assert.deepEqual(codesBelow('API').sort(), codes);
});

test('every code of S3', async () => {
  const table = /statuses[^=]*= \{([^}]*)\}/.exec(await readFile(join(ROOT, 'src/aws/s3/errors.ts'), 'utf8'))?.[1] ?? '';
  const codes = all(table, /^ {2}(\w+):/gm);
  assert.ok(codes.length > 30);
  assert.deepEqual(codesBelow('S3').sort(), codes);
});

test('every x-aws-proxy-error of the endpoint', () => {
  const refusals: readonly Refusal[] = [...Object.values(REFUSAL), ...Object.values(UNREACHABLE)];
  const errors = refusals.flatMap(({ error }) => (error === undefined ? [] : [error]));
  assert.deepEqual(codesBelow('Endpoint').sort(), [...new Set(errors)].sort());
});

test('every refusal of the endpoint with a text', () => {
  const texts = Object.values(REFUSAL).map(({ text }) => text).filter((text) => text !== '');
  assert.deepEqual(texts.filter((text) => !page.includes(`\`${text}\``)), []);
});

test('every reason of a failed build', async () => {
  const type = /export type FailureCode =([^;]*);/.exec(await readFile(join(ROOT, 'src/images/failure.ts'), 'utf8'))?.[1] ?? '';
  const codes = all(type, /'(\w+)'/g);
  assert.ok(codes.length > 5);
  assert.deepEqual(codesBelow('Builds').sort(), codes);
});

test('every stateReason of a MicroVM', () => {
  const texts = Object.values(reasons).filter((reason) => typeof reason === 'string');
  assert.deepEqual(texts.filter((text) => !page.includes(`\`${text}\``)), []);
});
