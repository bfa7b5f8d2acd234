import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { extract } from 'tar-stream';
import { INTERNET } from '../../../src/network/contracts.js';
import { CONFIG, TEMPLATE } from './support/fakes.js';
import { arnOf, assertReleased, buildImage, input, outcome, until, WHO, withHooks, world } from './support/world.js';

test('a build without hooks ends SUCCESSFUL and ACTIVE, and leaves its disk and template alone', async (t) => {
  const w = await world(t);
  const { image, version } = w.images.create(WHO, input());
  assert.deepEqual([image.arn, image.state, version.version, version.state, version.status], [arnOf('app'), 'CREATING', '1.0', 'PENDING', 'INACTIVE']);
  const end = await outcome(w);
  assert.deepEqual([end.image.state, end.image.latestActiveVersion, end.image.latestFailedVersion], ['CREATED', '1.0', undefined]);
  assert.deepEqual([end.version.state, end.version.status, end.version.stateReason], ['SUCCESSFUL', 'ACTIVE', undefined]);
  assert.deepEqual([end.build.state, end.build.architecture, end.build.chipset, end.build.chipsetGeneration], ['SUCCESSFUL', 'X86_64', 'GENERIC', '1']);
  assert.deepEqual(end.build.snapshotBuild, {
    memorySnapshotSizeInBytes: TEMPLATE.memoryBytes, diskSnapshotSizeInBytes: TEMPLATE.diskBytes, codeInstallSizeInBytes: 4242,
  });
  assertReleased(w);
  const root = join(w.dataDir, 'images', WHO.accountId, 'app', '1.0');
  assert.deepEqual((await readdir(root)).sort(), ['disk.raw', 'template']);
  assert.deepEqual(w.fakes.hookCalls, []);
  assert.deepEqual(w.fakes.launches, []);
  assert.deepEqual(w.images.launchable(WHO, image.arn), { imageArn: image.arn, version: '1.0', template: join(root, 'template'), config: version.config });
});

test('the builder gets the artifact as tar and the disk size of the memory size', async (t) => {
  const w = await world(t);
  await buildImage(w, input('app', { resources: [{ minimumMemoryInMiB: 8192 }] }));
  const names: string[] = [];
  for await (const entry of Readable.from(w.fakes.contexts).pipe(extract())) {
    names.push(entry.header.name);
    await buffer(entry);
  }
  assert.deepEqual(names, ['Dockerfile', 'app.py']);
  assert.deepEqual(w.fakes.requests.map(({ diskGiB, network }) => ({ diskGiB, egress: network.egress })), [{ diskGiB: 32, egress: INTERNET }]);
});

test('the VM has four times the memory, the peak vCPUs up to the host\'s, the final disk, and the internet', async (t) => {
  const w = await world(t, { hostCpus: 3 });
  await buildImage(w);
  const [boot] = w.fakes.boots;
  assert.deepEqual(boot?.size, { memoryMiB: 8192, vcpus: 3, cpuWeight: 1 });
  assert.deepEqual(boot.disks, [{ path: join(w.dataDir, 'images', WHO.accountId, 'app', '1.0', 'disk.raw'), format: 'raw' }]);
  assert.deepEqual(w.fakes.links.map(({ options }) => options.egress), [INTERNET]);
});

test('the application gets its config, the image\'s variables over the Dockerfile\'s, and the platform\'s', async (t) => {
  const w = await world(t);
  await buildImage(w, input('app', { environmentVariables: { SHARED: 'request', EXTRA: 'x' }, additionalOsCapabilities: ['ALL'] }));
  const [agent] = w.fakes.agents.values();
  assert.deepEqual(agent?.started, {
    rootDevice: '/dev/vda',
    args: ['python3', 'app.py'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C', SHARED: 'request', EXTRA: 'x',
      AWS_REGION: 'us-east-1', AWS_LAMBDA_MICROVM_IMAGE_NAME: 'app', AWS_LAMBDA_MICROVM_IMAGE_ARN: arnOf('app'), AWS_LAMBDA_MICROVM_IMAGE_VERSION: '1.0',
    },
    cwd: CONFIG.workdir, user: '', capabilities: 'all', stopSignal: 'SIGTERM',
  });
  assert.match(agent.woken?.hostname ?? '', /^build-[0-9a-f]{8}$/);
});

test('ready and validate: order of events, timeouts, and a throw-away clone', async (t) => {
  const w = await world(t);
  w.fakes.hook = (call) => {
    w.fakes.events.push(call.hook);
    return Promise.resolve({ kind: 'ok' });
  };
  const end = await buildImage(w, input('app', withHooks('ENABLED', 'ENABLED')));
  assert.equal(end.build.state, 'SUCCESSFUL');
  assert.deepEqual(w.fakes.events, ['follow after 0', 'ready', 'snapshot boot', 'follow after 2', 'validate']);
  assert.deepEqual(w.fakes.hookCalls.map(({ hook, port, timeoutMs, body }) => ({ hook, port, timeoutMs, body })), [
    { hook: 'ready', port: 9000, timeoutMs: 90_000, body: undefined },
    { hook: 'validate', port: 9000, timeoutMs: 30_000, body: undefined },
  ]);
  assert.deepEqual(w.fakes.launches.map(({ template }) => template), [join(w.dataDir, 'images', WHO.accountId, 'app', '1.0', 'template')]);
  assertReleased(w);
  assert.deepEqual((await readdir(join(w.dataDir, 'images', WHO.accountId, 'app', '1.0'))).sort(), ['disk.raw', 'template']);
});

test('the build log: group, stream, and a line for each step, the Dockerfile, the application and the hooks', async (t) => {
  const w = await world(t);
  const end = await buildImage(w, input('app', withHooks('ENABLED')));
  const day = new Date(end.build.createdAt).toISOString().slice(0, 10).replaceAll('-', '/');
  assert.deepEqual([...w.fakes.logs.keys()], [`/aws/lambda-microvms/app ${day}[1.0]build-${end.build.buildId}`]);
  for (const text of [
    '[queue] Building', '[fetch] Reading s3://bkt/code.zip', '[fetch] Read ', '[build] Running the Dockerfile', '[docker] STEP 1/1', '[boot] Starting a virtual machine',
    '[boot] Starting the application: ["python3","app.py"]', '[app] hello', '[app:stderr] listening', '[ready] Calling POST /ready on port 9000', '[ready] /ready: try 1',
    '[ready] /ready: HTTP 200 after 1 try', '[snapshot] Snapshot taken', '[record] The build succeeded',
  ]) {
    assert.ok(end.lines.some((line) => line.startsWith(text)), `no line "${text}" in\n${end.lines.join('\n')}`);
  }
});

test('logging of the image is honoured', async (t) => {
  const w = await world(t);
  await buildImage(w, input('named', { logging: { cloudWatch: { logGroup: 'g', logStream: 's' } } }));
  assert.deepEqual([...w.fakes.logs.keys()], ['g s']);
  const end = await buildImage(w, input('silent', { logging: { disabled: {} } }));
  assert.equal(end.build.state, 'SUCCESSFUL');
  assert.equal(w.fakes.logs.size, 1);
});

test('builds wait for their turn, in order', async (t) => {
  const w = await world(t, { concurrency: 1 });
  const go: (() => void)[] = [];
  w.fakes.run = () => new Promise((resolve) => go.push(() => resolve(CONFIG)));
  for (const name of ['one', 'two', 'three']) w.images.create(WHO, input(name));
  const state = (name: string): string => w.images.getVersion(WHO, arnOf(name), '1').state;
  for (const name of ['one', 'two', 'three']) {
    await until(() => go.length > 0);
    assert.equal(state(name), 'IN_PROGRESS');
    assert.deepEqual(['one', 'two', 'three'].filter((other) => state(other) === 'IN_PROGRESS'), [name]);
    go.shift()?.();
    await until(() => state(name) === 'SUCCESSFUL');
  }
  assertReleased(w);
});

test('two builds at once when two are allowed', async (t) => {
  const w = await world(t, { concurrency: 2 });
  const go: (() => void)[] = [];
  w.fakes.run = () => new Promise((resolve) => go.push(() => resolve(CONFIG)));
  for (const name of ['one', 'two', 'three']) w.images.create(WHO, input(name));
  await until(() => go.length === 2);
  assert.equal(w.images.getVersion(WHO, arnOf('three'), '1').state, 'PENDING');
  while (go.length > 0) go.shift()?.();
  await until(() => go.length === 1);
  go.shift()?.();
  assert.equal((await outcome(w, 'three')).image.state, 'CREATED');
});
