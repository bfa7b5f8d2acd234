import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OperatorError } from '../../../src/errors/index.js';
import { readPolicies } from '../../../src/iam/policy.js';
import { openRoles } from '../../../src/keys/roles.js';
import { watchClock } from './support.js';

const ROLE = 'arn:aws:iam::123456789012:role/team/app';
const allow = (Action: string) => ({ policies: [{ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } }] });
const question = { action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', context: {} };

async function world(t: TestContext, first?: unknown) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-roles-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const path = join(dataDir, 'roles.json');
  if (first !== undefined) await writeFile(path, JSON.stringify(first), { mode: 0o600 });
  const { clock, armed, look } = watchClock();
  const log: string[] = [];
  const note = (...args: unknown[]): void => void log.push(JSON.stringify(args));
  const roles = await openRoles({ dataDir, readPolicies, clock, log: { info: note, warn: note } });
  t.after(() => {
    roles.close();
    assert.ok(!armed(), 'the timer is released');
  });
  return {
    log,
    decide: (role = ROLE) => roles.policiesOf(role).decide(question),
    write: async (text: string, mode = 0o600): Promise<void> => {
      await writeFile(`${path}.new`, text, { mode });
      await rename(`${path}.new`, path);
      await look();
    },
    remove: async (): Promise<void> => {
      await unlink(path);
      await look();
    },
  };
}

test('a role allows what its policies say, and without an entry nothing', async (t) => {
  const { decide } = await world(t, { [ROLE]: allow('s3:Get*') });
  assert.equal(decide(), 'allow');
  assert.equal(decide('arn:aws:iam::123456789012:role/other'), 'implicit-deny');
  assert.equal(decide('__proto__'), 'implicit-deny');
});

test('a change is in force without a restart, and so is a file that comes or goes', async (t) => {
  const { decide, write, remove } = await world(t);
  assert.equal(decide(), 'implicit-deny');
  await write(JSON.stringify({ [ROLE]: allow('s3:Get*') }));
  assert.equal(decide(), 'allow');
  await write(JSON.stringify({ [ROLE]: { policies: [] } }));
  assert.equal(decide(), 'implicit-deny');
  await write(JSON.stringify({ [ROLE]: allow('*') }));
  await remove();
  assert.equal(decide(), 'implicit-deny');
});

test('a file that cannot be used changes nothing, and the warning names the place', async (t) => {
  const { log, decide, write } = await world(t, { [ROLE]: allow('*') });
  const bad: readonly (readonly [text: string, said: RegExp, mode?: number])[] = [
    ['not json', /no.* map of role ARNs|is not a map/],
    ['[]', /is not a map of role ARNs/],
    [JSON.stringify({ 'arn:aws:iam::1:role/x': allow('*') }), /arn:aws:iam::1:role\/x: no ARN of a role/],
    [JSON.stringify({ [ROLE]: { policys: [] } }), new RegExp(`${ROLE}.policies`)],
    [JSON.stringify({ [ROLE]: { policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Foo: { 'aws:SourceIp': '1' } } }] }] } }), new RegExp(`role ${ROLE} .*operator 'Foo'`)],
    [JSON.stringify({}), /mode 644.*chmod 600/, 0o644],
  ];
  for (const [text, said, mode] of bad) {
    await write(text, mode);
    assert.match(log.at(-1) ?? '', said, text);
    assert.match(log.at(-1) ?? '', /the old ones stay in force/);
    assert.equal(decide(), 'allow', text);
  }
});

test('at the start such a file stops the start', async (t) => {
  await assert.rejects(world(t, { x: allow('*') }), OperatorError);
});
