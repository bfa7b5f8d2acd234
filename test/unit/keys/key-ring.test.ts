import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Clock } from '../../../src/clock/index.js';
import { OperatorError } from '../../../src/errors/index.js';
import { readPolicies } from '../../../src/iam/policy.js';
import { openKeyRing, type KeyRing } from '../../../src/keys/key-ring.js';
import { watchClock } from './support.js';

const first = { accessKeyId: 'TDGKFIRSTFIRSTFIRST1', secretAccessKey: 'first-secret-first-secret' };
const second = { accessKeyId: 'TDGKSECONDSECONDSEC2', secretAccessKey: 'second-secret-second-secret', accountId: '210987654321', sessionToken: 'tok' };

interface World {
  readonly ring: KeyRing;
  readonly log: string[];
  /** Replaces the file, looks at it once, and resolves when that look is over. */
  readonly write: (text: string, mode?: number) => Promise<void>;
}

async function world(t: TestContext): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-ring-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const path = join(dataDir, 'credentials.json');
  await writeFile(path, JSON.stringify([first]), { mode: 0o600 });
  const log: string[] = [];
  const { clock, armed, look } = watchClock();
  const note = (...args: unknown[]): void => void log.push(JSON.stringify(args));
  const ring = await openKeyRing({ dataDir, accountId: '123456789012', readPolicies, clock, log: { info: note, warn: note } });
  t.after(() => {
    ring.close();
    assert.ok(!armed(), 'the timer is released');
  });
  return {
    ring,
    log,
    async write(text, mode = 0o600) {
      await writeFile(`${path}.new`, text, { mode });
      await rename(`${path}.new`, path);
      await look();
    },
  };
}

test('a changed file is in force without a restart: keys, accounts, policies', async (t) => {
  const { ring, write } = await world(t);
  assert.equal(ring.find(first.accessKeyId)?.accountId, '123456789012');
  assert.equal(ring.find(second.accessKeyId), undefined);
  await write(JSON.stringify([{ ...first, policies: [] }, second]));
  assert.equal(ring.find(second.accessKeyId)?.accountId, '210987654321');
  assert.equal(ring.find(second.accessKeyId)?.policies, undefined);
  assert.equal(ring.find(first.accessKeyId)?.policies?.decide({ action: 'lambda:GetMicrovm', resource: '*', context: {} }), 'implicit-deny');
  await write(JSON.stringify([second]));
  assert.equal(ring.find(first.accessKeyId), undefined);
});

test('a file that cannot be used leaves the old keys in force and a warning without secrets', async (t) => {
  const { ring, log, write } = await world(t);
  const bad: readonly (readonly [string, number?])[] = [
    ['not json, hush-hush'],
    [JSON.stringify([{ ...first, secretAccessKey: 'hush' }])],
    [JSON.stringify([first, { ...first, secretAccessKey: 'hush-hush-hush-hush' }])],
    [JSON.stringify([{ ...first, policys: ['hush'] }])],
    [JSON.stringify([{ ...first, policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Foo: { 'aws:SourceIp': '1' } } }] }] }])],
    [JSON.stringify([second]), 0o644],
  ];
  for (const [text, mode] of bad) {
    await write(text, mode);
    assert.equal(ring.find(first.accessKeyId)?.secretAccessKey, first.secretAccessKey, text);
    assert.equal(ring.find(first.accessKeyId)?.policies, undefined, text);
  }
  assert.equal(log.length, bad.length);
  assert.ok(log.every((line) => line.includes('old ones stay in force') && !line.includes('hush') && !line.includes('first-secret')));
  assert.ok(log.some((line) => line.includes("operator 'Foo'") && line.includes(first.accessKeyId)));
});

test('at the start such a file stops the start', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-ring-'));
  t.after(() => rm(dataDir, { recursive: true }));
  await writeFile(join(dataDir, 'credentials.json'), JSON.stringify([{ ...first, policies: ['x'] }]), { mode: 0o600 });
  const clock: Clock = { now: () => 0, steady: () => 0, after: () => () => undefined };
  const log = { info: () => undefined, warn: () => undefined };
  await assert.rejects(openKeyRing({ dataDir, accountId: '123456789012', readPolicies, clock, log }), OperatorError);
});
