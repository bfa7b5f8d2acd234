import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config.js';
import { OperatorError } from '../../../src/errors/index.js';
import { awsLimits, unlimited } from '../../../src/quotas/defaults.js';
import { loadLimits } from '../../../src/quotas/limits.js';

test('the profile is AWS’s by Region unless told otherwise; a file changes single limits', async (t) => {
  assert.deepEqual(await loadLimits(loadConfig({})), awsLimits('us-east-1'));
  assert.deepEqual(await loadLimits(loadConfig({ TARDIGRADE_UNLIMITED: '1' })), unlimited);
  assert.equal(awsLimits('us-east-1').memoryMiB, 1024 * 1024);
  assert.equal(awsLimits('eu-west-1').memoryMiB, 400 * 1024);

  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-limits-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'limits.json');
  await writeFile(file, JSON.stringify({ rates: { RunMicrovm: { perSecond: 50, burst: 100 }, GetMicrovm: null }, images: 7, memoryMiB: null }));
  const limits = await loadLimits(loadConfig({ TARDIGRADE_LIMITS_FILE: file }));
  const aws = awsLimits('us-east-1');
  assert.deepEqual(limits, { ...aws, rates: { ...aws.rates, RunMicrovm: { perSecond: 50, burst: 100 }, GetMicrovm: null }, images: 7, memoryMiB: null });
});

test('a file that cannot be read, or says what is not known, stops the start', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-limits-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'limits.json');
  const load = () => loadLimits({ region: 'us-east-1', unlimited: false, limitsFile: file });
  await assert.rejects(load(), (error) => error instanceof OperatorError && error.message.includes(file));
  for (const [text, part] of [['{', 'JSON'], ['{"image": 5}', 'image'], ['{"images": -1}', 'images'], ['{"rates":{"RunMicrovm":{"perSecond":5}}}', 'burst']] as const) {
    await writeFile(file, text);
    await assert.rejects(load(), (error) => error instanceof OperatorError && error.message.includes(part), text);
  }
});
