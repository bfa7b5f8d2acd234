/** `image build` against the real image service, whose builds end as the test says. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { BuildFailure } from '../../src/images/failure.js';
import { accountId, key, region, startHarness, type Harness } from './harness.js';
import { realImages } from './support/real-images.js';
import { cli, start, type Outcome } from '../unit/cli/support/run.js';

const real = realImages();
const { run: succeed } = real.fakes;
let api: Harness;
let dir: string;
before(async () => {
  api = await startHarness({ images: real.option });
  dir = await mkdtemp(join(tmpdir(), 'tardigrade-build-'));
  await mkdir(join(dir, 'My app!'));
  await writeFile(join(dir, 'My app!/Dockerfile'), 'FROM scratch\n');
});
after(async () => {
  await real.shutdown();
  await api.close();
  await rm(dir, { recursive: true });
});

const env = (): NodeJS.ProcessEnv => ({ AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region });
const build = (...args: string[]): Promise<Outcome> => cli(['image', 'build', join(dir, 'My app!'), ...args], env());
const left = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith('tardigrade-zip-'));

test('a folder becomes an image of its name; the zip is where the image says', async () => {
  const before = await left();
  const { code, stdout, stderr } = await build('--json', '--tag', 'team=a', '--env', 'A=1', '--memory', '1024', '--hook', 'ready=60', '--hook-port', '9000', '--capabilities', '--description', 'first');
  assert.equal(code, 0, stderr);
  const outcome = JSON.parse(stdout) as { name: string; imageArn: string; imageVersion: string; bytes: { zip: number; memory: number; disk: number } };
  assert.deepEqual([outcome.name, outcome.imageVersion, outcome.bytes.memory], ['My-app', '1.0', 100_000]);
  const image = api.store.getImage(outcome.imageArn);
  const version = api.store.getVersion(outcome.imageArn, '1.0');
  assert.deepEqual(image?.tags, { team: 'a' });
  assert.deepEqual(
    [version?.config.environmentVariables, version?.config.resources, version?.config.hooks, version?.config.additionalOsCapabilities, version?.config.description],
    [{ A: '1' }, [{ minimumMemoryInMiB: 1024 }], { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 60 } }, ['ALL'], 'first'],
  );
  const [, bucket = '', object = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(version?.config.codeArtifact.uri ?? '') ?? [];
  assert.equal(bucket, `tardigrade-images-${accountId}`);
  const s3 = new S3Client({ endpoint: api.url, region, credentials: key, forcePathStyle: true });
  const stored = await (await s3.send(new GetObjectCommand({ Bucket: bucket, Key: object }))).Body?.transformToByteArray();
  s3.destroy();
  assert.equal(stored?.length, outcome.bytes.zip);
  assert.deepEqual(await left(), before, 'no zip is left behind');
});

test('again: the next version, and the zip is not sent twice', async () => {
  const { code, stdout, stderr } = await build();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^My-app:2\.0 {2}built in /);
  assert.match(stderr, /is there already\n?/);
  assert.match(stderr, /^✓ build {2}[\d.]+ s$/m);
  assert.match(stderr, /Run it: tardigrade run My-app/);
});

test('a build that fails: its reason, what mends it, exit code 8; JSON has it too', async () => {
  real.fakes.run = () => Promise.reject(new BuildFailure('CONTAINER_BUILD_FAILED', 'The container image build failed. exit status 7'));
  const text = await build();
  assert.equal(text.code, 8);
  assert.match(text.stderr, /the build of My-app:3\.0 failed after .*: CONTAINER_BUILD_FAILED: .*exit status 7[^]*mend the line of the Dockerfile[^]*tardigrade logs My-app/);
  assert.equal(text.stdout, '');
  const json = await build('--json');
  assert.deepEqual([json.code, (JSON.parse(json.stdout) as { state: string }).state], [8, 'FAILED']);
  real.fakes.run = succeed;
});

test('while it is built: another build is told to wait; Ctrl-C leaves it running; --no-wait too', async () => {
  let finish: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (finish = resolve));
  real.fakes.run = async (request) => {
    await gate;
    return succeed(request);
  };
  const before = await left();
  const running = start(['image', 'build', join(dir, 'My app!')], env());
  while (!running.stderr().includes('new version of')) await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await build();
  assert.deepEqual([second.code, /already in state: UPDATING/.test(second.stderr), /tardigrade image inspect/.test(second.stderr)], [6, true, true]);
  running.stop();
  const { stdout, stderr } = await running.done;
  assert.equal(stdout, '');
  assert.match(stderr, /The build of My-app:5\.0 goes on\. Watch it: tardigrade logs -f My-app/);
  assert.deepEqual(await left(), before);
  const other = await cli(['image', 'build', join(dir, 'My app!'), '--name', 'other', '--no-wait'], env());
  assert.deepEqual([other.code, other.stdout], [0, 'other:1.0\n']);
  finish();
  real.fakes.run = succeed;
});

test('values that cannot be are refused before anything is sent', async () => {
  for (const [args, says] of [
    [['--memory', 'much'], /It must be a number/], [['--env', 'novalue'], /--env novalue: must be NAME=value/], [['--hook', 'start'], /--hook start: is none of/],
    [['--hook-port', '9000'], /of no use without a hook/], [['--name', 'a b'], /cannot be an image's name/], [['--memory', '600'], /600 MiB is not supported/],
  ] as const) {
    const outcome = await build('--name', 'never', ...args);
    assert.equal(outcome.code, 2, outcome.stderr);
    assert.match(outcome.stderr, says);
  }
});
