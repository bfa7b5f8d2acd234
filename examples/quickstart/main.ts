/**
 * The main job, from an empty host to a terminated MicroVM, with the AWS SDK as any program would use it.
 * It starts a service of its own unless one answers already.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import {
  CreateMicrovmAuthTokenCommand, CreateMicrovmImageCommand, DeleteMicrovmImageCommand, GetMicrovmCommand, GetMicrovmImageCommand,
  LambdaMicrovmsClient, ListMicrovmImageBuildsCommand, RunMicrovmCommand, SuspendMicrovmCommand, TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { endpointClient, type EndpointClient } from './endpoint.js';
import { startService } from './service.js';
import { Timeline } from './timeline.js';
import { zipFolder } from './zip.js';

const APP = fileURLToPath(new URL('../apps/flask', import.meta.url));
const BASE_IMAGE = 'arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1';
const ROLE = 'arn:aws:iam::000000000000:role/quickstart';

interface State { counter: number; disk: number; tmpfs: number; descriptor: number; heartbeat: number; heartbeat_alive: boolean }

const timeline = new Timeline();
const service = await timeline.step('service is up', startService, (s) => s.engine);
const client = { endpoint: service.apiUrl, region: service.region, credentials: service.credentials };
const microvms = new LambdaMicrovmsClient(client);
const s3 = new S3Client({ ...client, forcePathStyle: true });
const name = `quickstart-${randomUUID().slice(0, 8)}`;
const opened: EndpointClient[] = [];
let imageIdentifier: string | undefined;
const running = new Set<string>();

try {
  const zip = await zipFolder(APP);
  await timeline.step('S3: CreateBucket and PutObject', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    await s3.send(new PutObjectCommand({ Bucket: name, Key: 'app.zip', Body: zip }));
  }, () => `s3://${name}/app.zip, ${zip.length} bytes`);

  const image = await timeline.step('CreateMicrovmImage', () =>
    microvms.send(new CreateMicrovmImageCommand({
      name,
      baseImageArn: BASE_IMAGE,
      buildRoleArn: ROLE,
      codeArtifact: { uri: `s3://${name}/app.zip` },
      resources: [{ minimumMemoryInMiB: 512 }],
      hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 } },
    })), (answer) => answer.state ?? '');
  imageIdentifier = image.imageArn;
  await timeline.step('image is built: Dockerfile, boot, /ready, snapshot', () => built(image.imageArn ?? ''));

  const first = await timeline.step('RunMicrovm → first HTTP 200', launch, (vm) => vm.answer);
  const changed = await timeline.step('change state: memory, disk, tmpfs, open file', async () => {
    await first.http.send('/state', { method: 'POST' });
    return state(await first.http.send('/state', { method: 'POST' }));
  }, describe);

  await timeline.step('SuspendMicrovm → SUSPENDED', async () => {
    await microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: first.id }));
    while ((await microvms.send(new GetMicrovmCommand({ microvmIdentifier: first.id }))).state !== 'SUSPENDED') await pause(20);
  });
  const resumed = await timeline.step('a request resumes it', async () => state(await first.http.send('/state')), describe);
  assert.equal(resumed.counter, changed.counter, 'memory survived');
  assert.deepEqual([resumed.disk, resumed.tmpfs, resumed.descriptor], [changed.disk, changed.tmpfs, changed.descriptor], 'files survived');
  assert.ok(resumed.heartbeat >= changed.heartbeat && resumed.heartbeat_alive, 'the background process survived');
  await timeline.step('the background process goes on', async () => {
    let now = resumed;
    while (now.heartbeat <= resumed.heartbeat) now = state(await first.http.send('/state'));
    return now;
  }, (now) => `heartbeat ${resumed.heartbeat} → ${now.heartbeat}`);

  const second = await timeline.step('a second clone → first HTTP 200', launch, (vm) => vm.answer);
  const other = await timeline.step('the second clone does not see the first one\'s state', async () => state(await second.http.send('/state')), describe);
  assert.deepEqual([other.counter, other.disk, other.tmpfs], [0, 0, 0], 'clones are apart');

  await timeline.step('TerminateMicrovm, twice', async () => {
    for (const id of [...running]) await terminate(id);
  });
  console.log('\nMemory, disk and processes survived the suspend; the clones are apart.');
} finally {
  for (const http of opened) http.close();
  for (const id of running) await terminate(id);
  if (imageIdentifier !== undefined) await microvms.send(new DeleteMicrovmImageCommand({ imageIdentifier }));
  await timeline.step('clean up', () => service.stop());
}

async function built(imageArn: string): Promise<void> {
  for (;;) {
    const { state: imageState } = await microvms.send(new GetMicrovmImageCommand({ imageIdentifier: imageArn }));
    if (imageState === 'CREATED') return;
    if (imageState !== 'CREATING') {
      const builds = await microvms.send(new ListMicrovmImageBuildsCommand({ imageIdentifier: imageArn, imageVersion: '1.0' }));
      throw new Error(`the image is ${imageState ?? 'gone'}: ${builds.items?.[0]?.stateReason ?? 'no reason given'}`);
    }
    await pause(250);
  }
}

async function launch(): Promise<{ id: string; http: EndpointClient; answer: string }> {
  const run = await microvms.send(new RunMicrovmCommand({
    imageIdentifier,
    idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 300, autoResumeEnabled: true },
  }));
  const id = run.microvmId ?? '';
  running.add(id);
  const { authToken } = await microvms.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: id, expirationInMinutes: 15, allowedPorts: [{ port: 8080 }] }));
  const http = endpointClient(run.endpoint ?? '', service.caFile, authToken?.['X-aws-proxy-auth'] ?? '');
  opened.push(http);
  const answer = await http.send('/');
  assert.equal(answer.status, 200, answer.body);
  return { id, http, answer: answer.body.trim() };
}

async function terminate(id: string): Promise<void> {
  await microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
  while ((await microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }))).state !== 'TERMINATED') await pause(20);
  running.delete(id);
}

function state(answer: { status: number; body: string }): State {
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body) as State;
}

function describe(s: State): string {
  return `counter ${s.counter}, lines on disk ${s.disk}, in tmpfs ${s.tmpfs}, by open file ${s.descriptor}, heartbeat ${s.heartbeat}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
