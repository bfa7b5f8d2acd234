import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { accountId, imageArn, key, region, startHarness, type Harness } from '../../conformance/harness.js';
import { cli, start, type Outcome, type Running } from './support/run.js';

/** The log is kept for a time that ends before now for events of the past. */
const TIME = Date.now() - 60_000;
const at = (ms: number): string => new Date(TIME + ms).toISOString();

interface World {
  readonly api: Harness;
  readonly write: (group: string, stream: string, text: string, ms: number) => Promise<void>;
  readonly logs: (...args: string[]) => Promise<Outcome>;
  readonly follow: (...args: string[]) => Running;
}

async function setUp(t: TestContext): Promise<World> {
  const api = await startHarness();
  t.after(() => api.close());
  const env = { AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region };
  return {
    api,
    async write(group, stream, text, ms) {
      const writer = api.logStore.stream(accountId, group, stream);
      writer.write(TIME + ms, text);
      await writer.close();
    },
    logs: (...args) => cli(['logs', ...args], env),
    follow: (...args) => start(['logs', '--follow', ...args], env),
  };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await pause(20);
}

test('prints a stream, or all of a group in the order of time; the last lines; those since a time', async (t) => {
  const { write, logs } = await setUp(t);
  await write('/g', 'a', 'one', 1);
  await write('/g', 'b', 'two', 2);
  await write('/g', 'a', 'three', 3);
  assert.equal((await logs('/g', 'a')).stdout, `${at(1)} one\n${at(3)} three\n`);
  assert.equal((await logs('/g')).stdout, `${at(1)} a one\n${at(2)} b two\n${at(3)} a three\n`);
  assert.equal((await logs('/g', '--tail', '1')).stdout, `${at(3)} a three\n`);
  assert.equal((await logs('/g', '--since', at(2))).stdout, `${at(2)} b two\n${at(3)} a three\n`);
  assert.equal((await logs('/g', '--since', '30s')).stdout, '');
  const lines = (await logs('/g', 'a', '--json')).stdout.trim().split('\n').map((line) => JSON.parse(line) as { message: string });
  assert.deepEqual(lines.map(({ message }) => message), ['one', 'three']);
});

test('a page is no limit', async (t) => {
  const { api, logs } = await setUp(t);
  const writer = api.logStore.stream(accountId, '/g', 'a');
  for (let i = 0; i < 12_000; i++) writer.write(TIME + i, `line ${i}`);
  await writer.close();
  assert.equal((await logs('/g', 'a')).stdout.split('\n').length, 12_001);
});

test('a MicroVM has its own lines, an image those of all', async (t) => {
  const { api, write, logs } = await setUp(t);
  api.images.create({ accountId, accessKeyId: key.accessKeyId }, { name: 'app', tags: {}, config: { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' } } });
  const { microvmId = '' } = await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn('app') }));
  const { microvmId: other = '' } = await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn('app') }));
  // As the harness starts them: a fixed time.
  const day = new Date(1_755_278_248_601).toISOString().slice(0, 10).replaceAll('-', '/');
  await write('/aws/lambda-microvms/app', `${day}[1.0]${microvmId}`, 'mine', 1);
  await write('/aws/lambda-microvms/app', `${day}[1.0]${other}`, 'theirs', 2);
  assert.equal((await logs(microvmId)).stdout, `${at(1)} mine\n`);
  assert.equal((await logs(microvmId.slice('microvm-'.length, 'microvm-'.length + 8))).stdout, `${at(1)} mine\n`);
  assert.match((await logs('app')).stdout, /mine\n.*theirs\n$/);
  assert.match((await logs('ap')).stdout, /mine\n.*theirs\n$/, 'the beginning of a name');
});

test('says what is not there', async (t) => {
  const { write, logs } = await setUp(t);
  const none = await logs('/none');
  assert.deepEqual([none.code, /no log group '\/none'/.test(none.stderr)], [3, true]);
  await write('/g', 'a', 'one', 1);
  const stream = await logs('/g', 'none');
  assert.deepEqual([stream.code, /no log group '\/g' with a stream 'none'/.test(stream.stderr)], [3, true]);
  const name = await logs('nothing');
  assert.deepEqual([name.code, /'nothing' is no image, MicroVM or log group/.test(name.stderr)], [3, true]);
});

test('follows a group, also before it is there, and prints each line once', { timeout: 60_000 }, async (t) => {
  const { write, follow } = await setUp(t);
  const running = follow('/g');
  await pause(100);
  await write('/g', 'a', 'one', 1);
  await until(() => running.stdout().includes('one'));
  // A stream that is written to a little later, with the same time.
  await write('/g', 'b', 'two', 1);
  await until(() => running.stdout().includes('two'));
  await write('/g', 'a', 'three', 4000);
  await until(() => running.stdout().includes('three'));
  running.stop();
  const { stdout } = await running.done;
  assert.equal(stdout, `${at(1)} a one\n${at(1)} b two\n${at(4000)} a three\n`);
});
