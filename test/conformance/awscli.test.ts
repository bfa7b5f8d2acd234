/** Whichever AWS CLI is installed, unmodified. Without one the tests are skipped and say why; `apt-get install awscli` brings one. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { accountId, imageArn, key, region, startHarness, type Harness } from './harness.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;

interface Cli {
  readonly path: string;
  readonly version: string;
  readonly major: number;
}

/** The newest of those installed. */
async function findCli(): Promise<Cli | undefined> {
  const found: Cli[] = [];
  for (const path of ['/usr/bin/aws', '/usr/local/bin/aws', 'aws']) {
    const version = await run(path, ['--version']).then(({ stdout, stderr }) => /aws-cli\/(\S+)/.exec(stdout + stderr)?.[1], () => undefined);
    if (version !== undefined) found.push({ path, version, major: Number(version.split('.')[0]) });
  }
  return found.sort((a, b) => b.major - a.major)[0];
}

const cli = await findCli();
const none = cli === undefined ? 'no AWS CLI is installed (Debian: apt-get install awscli)' : undefined;
const noTail = none ?? (cli !== undefined && cli.major < 2 ? `aws-cli ${cli.version} has no 'logs tail': version 2 has` : undefined);
const skipIf = (reason: string | undefined) => (reason === undefined ? {} : { skip: reason });

let api: Harness;
let home: string;
before(async () => {
  api = await startHarness();
  home = await mkdtemp(join(tmpdir(), 'tardigrade-awscli-'));
});
after(async () => {
  await api.close();
  await rm(home, { recursive: true });
});

/** Nothing of the caller's own configuration. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_DEFAULT_REGION: region, AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1', PYTHONUNBUFFERED: '1' };
}

const args = (...rest: string[]): string[] => ['--endpoint-url', api.url, ...rest];

async function aws(...rest: string[]): Promise<string> {
  return (await run(cli?.path ?? 'aws', args(...rest), { env: environment(), maxBuffer: 64 * MIB })).stdout;
}

const json = async (...rest: string[]): Promise<Record<string, unknown>> => JSON.parse(await aws(...rest, '--output', 'json')) as Record<string, unknown>;

test('s3 cp of a 200 MB file both ways, ls, rm', skipIf(none), async () => {
  const source = join(home, 'source.bin');
  const file = await open(source, 'w');
  for (let i = 0; i < 200; i++) await file.write(randomBytes(MIB));
  await file.close();
  await aws('s3', 'mb', 's3://cli-bucket');
  await aws('s3', 'cp', '--no-progress', source, 's3://cli-bucket/folder/large file.bin');
  assert.match(await aws('s3', 'ls', 's3://cli-bucket/folder/'), /^\S+ \S+ +209715200 large file\.bin$/m);
  assert.match(await aws('s3', 'ls'), /cli-bucket$/m);
  await aws('s3', 'cp', '--no-progress', 's3://cli-bucket/folder/large file.bin', join(home, 'back.bin'));
  assert.equal(await digest(join(home, 'back.bin')), await digest(source));
  await aws('s3', 'rm', '--recursive', 's3://cli-bucket/');
  await aws('s3', 'rb', 's3://cli-bucket');
});

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

test('logs tail --follow shows what was there and what comes', skipIf(noTail), async () => {
  const group = '/aws/lambda-microvms/tailed';
  const writer = api.logStore.stream(accountId, group, 's');
  writer.write(Date.now(), 'first line');
  for (let i = 0; (await api.logStore.streams(accountId, group))?.[0]?.lastEventTime === undefined; i++) {
    assert.ok(i < 10_000);
    await new Promise(setImmediate);
  }
  const tail = spawn(cli?.path ?? 'aws', args('logs', 'tail', group, '--follow', '--format', 'short'), { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => tail.once('close', resolve));
  let shown = '';
  try {
    for await (const chunk of tail.stdout as AsyncIterable<Buffer>) {
      shown += chunk.toString();
      if (shown.includes('first line') && !shown.includes('second line')) writer.write(Date.now(), 'second line');
      if (shown.includes('second line')) break;
    }
  } finally {
    tail.kill('SIGKILL');
    await ended;
    await writer.close();
  }
  assert.match(shown, /first line\n[^\n]*second line\n/);
});

test('logs: groups, streams, events, filter', skipIf(none), async () => {
  const writer = api.logStore.stream(accountId, '/cli/group', 'stream');
  writer.write(Date.now(), 'hello ERROR');
  writer.write(Date.now(), 'hello');
  await writer.close();
  assert.match(await aws('logs', 'describe-log-groups', '--log-group-name-prefix', '/cli'), /\/cli\/group/);
  assert.match(await aws('logs', 'describe-log-streams', '--log-group-name', '/cli/group'), /"logStreamName": "stream"/);
  const events = (await json('logs', 'get-log-events', '--log-group-name', '/cli/group', '--log-stream-name', 'stream', '--start-from-head'))['events'] as { message: string }[];
  assert.deepEqual(events.map(({ message }) => message), ['hello ERROR', 'hello']);
  const filtered = (await json('logs', 'filter-log-events', '--log-group-name', '/cli/group', '--filter-pattern', 'ERROR'))['events'] as { message: string }[];
  assert.deepEqual(filtered.map(({ message }) => message), ['hello ERROR']);
});

test("the launch blog's walkthrough", skipIf(none), async (t) => {
  const known = await aws('lambda-microvms', 'list-microvms').then(() => true, (error: unknown) => {
    const { stderr = '' } = error as { stderr?: string };
    assert.match(stderr, /[Ii]nvalid choice/, 'the CLI knows lambda-microvms, and the call failed');
    return false;
  });
  if (!known) {
    t.skip(`aws-cli ${cli?.version ?? ''} does not know lambda-microvms yet (Debian sid's 2.38 does)`);
    return;
  }
  const image = await json('lambda-microvms', 'create-microvm-image', '--name', 'cli-flask', '--base-image-arn', `arn:aws:lambda:${region}:aws:microvm-image:al2023-1`, '--build-role-arn', `arn:aws:iam::${accountId}:role/build`, '--code-artifact', 'uri=s3://bucket/app.zip');
  assert.equal(image['imageArn'], imageArn('cli-flask'));
  const vm = await json('lambda-microvms', 'run-microvm', '--image-identifier', imageArn('cli-flask'));
  const id = String(vm['microvmId']);
  assert.match(id, /^microvm-/);
  assert.equal((await json('lambda-microvms', 'get-microvm', '--microvm-identifier', id))['microvmId'], id);
  assert.ok((await json('lambda-microvms', 'create-microvm-auth-token', '--microvm-identifier', id, '--allowed-ports', 'port=5000', '--expiration-in-minutes', '30'))['authToken']);
  await aws('lambda-microvms', 'suspend-microvm', '--microvm-identifier', id);
  await aws('lambda-microvms', 'resume-microvm', '--microvm-identifier', id);
  await aws('lambda-microvms', 'terminate-microvm', '--microvm-identifier', id);
});
