import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPattern } from '../../../src/check/pattern.js';
import { OperatorError } from '../../../src/errors/index.js';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tardigrade-pattern-'));
});
after(() => rm(folder, { recursive: true }));

async function file(content: string): Promise<string> {
  const path = join(folder, 'pattern.json');
  await writeFile(path, content);
  return path;
}

test('flags go over the file, the file over the default', async () => {
  const pattern = await readPattern(await file('{"users": 40, "requestsPerHour": 12}'), { requestsPerHour: 30 });
  assert.deepEqual(pattern, { users: 40, daysPerMonth: 22, hoursPerDay: 8, requestsPerHour: 30, secondsOfActivity: 10, maxIdleDurationSeconds: 60, suspendedDurationSeconds: 28_800 });
});

test('YAML will do', async () => {
  const { users, hoursPerDay } = await readPattern(await file('# a team\nusers: 40\nhoursPerDay: 9.5\n'), {});
  assert.deepEqual([users, hoursPerDay], [40, 9.5]);
});

for (const [content, words] of [
  ['{', /cannot be read as YAML or JSON/],
  ['[]', /is not one/],
  ['', /is not one/],
  ['{"hoursPerDay": 25}', /hoursPerDay: .*24.*its members are users/],
  ['{"maxIdleDurationSeconds": 30}', /maxIdleDurationSeconds: .*60/],
  ['{"request": 1}', /request/],
] as const) {
  test(`refuses ${content}, and says the rule`, async () => {
    await assert.rejects(readPattern(await file(content), {}), (error) => error instanceof OperatorError && words.test(error.message));
  });
}

test('refuses a flag out of its range, and a file that is not there', async () => {
  await assert.rejects(readPattern(undefined, { users: 0 }), /the flags .*users/);
  await assert.rejects(readPattern(join(folder, 'none.json'), {}), /ENOENT/);
});
