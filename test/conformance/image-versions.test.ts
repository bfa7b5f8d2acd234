/** Updates of images and their versions through the SDK, over the real service and store. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ConflictException, CreateMicrovmImageCommand, DeleteMicrovmImageCommand, DeleteMicrovmImageVersionCommand, GetMicrovmImageCommand, GetMicrovmImageVersionCommand,
  ListMicrovmImageBuildsCommand, ListMicrovmImagesCommand, ListMicrovmImageVersionsCommand, ResourceNotFoundException, UpdateMicrovmImageCommand,
  UpdateMicrovmImageVersionCommand, ValidationException, type LambdaMicrovmsClient, type UpdateMicrovmImageCommandInput,
} from '@aws-sdk/client-lambda-microvms';
import { baseImageArn, imageArn, otherKey, roleArn, startHarness, type Harness } from './harness.js';
import { realImages } from './support/real-images.js';
import { CONFIG } from '../unit/images/support/fakes.js';

const real = realImages();
const app = imageArn('app');
let api: Harness;
let client: LambdaMicrovmsClient;

const config = { baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://bkt/code.zip' } };
const update = (more: Partial<UpdateMicrovmImageCommandInput> = {}) => new UpdateMicrovmImageCommand({ imageIdentifier: app, ...config, ...more });
const state = async (name = 'app') => (await client.send(new GetMicrovmImageCommand({ imageIdentifier: imageArn(name) }))).state;
const with400 = (message: string | RegExp) => (error: unknown): boolean => error instanceof ValidationException && (typeof message === 'string' ? error.message === message : message.test(error.message));
const conflict = (error: unknown): boolean => error instanceof ConflictException && error.message === 'MicroVM Image is already in state: UPDATING' && error.resourceId === app;

async function reaches(wanted: string, name = 'app'): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    if ((await state(name)) === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${name} never was ${wanted}, it is ${String(await state(name))}`);
}

before(async () => {
  api = await startHarness({ images: real.option });
  client = api.client();
  await client.send(new CreateMicrovmImageCommand({ name: 'app', ...config, description: 'first', tags: { team: 'a' } }));
  await reaches('CREATED');
});
after(async () => {
  await real.shutdown();
  await api.close();
});

test('UpdateMicrovmImage: 200, the next version, nothing inherited; 409 for every change meanwhile', async (t) => {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  real.fakes.run = () => gate.then(() => CONFIG);
  t.after(go);
  const updated = await client.send(update({ clientToken: 'u1', environmentVariables: { A: '1' } }));
  assert.equal(updated.$metadata.httpStatusCode, 200);
  assert.deepEqual([updated.imageArn, updated.name, updated.state, updated.imageVersion, updated.latestActiveImageVersion], [app, 'app', 'UPDATING', '2.0', '1.0']);
  assert.deepEqual([updated.description ?? undefined, updated.environmentVariables], [undefined, { A: '1' }]);
  assert.ok(updated.updatedAt instanceof Date);
  assert.ok(!('tags' in updated));
  assert.equal((await client.send(update({ clientToken: 'u1', environmentVariables: { A: '1' } }))).imageVersion, '2.0');
  await assert.rejects(client.send(update({ clientToken: 'u1' })), (error) => error instanceof ConflictException && /different parameters/.test(error.message));

  await assert.rejects(client.send(update()), conflict);
  await assert.rejects(client.send(new UpdateMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1', status: 'INACTIVE' })), conflict);
  await assert.rejects(client.send(new DeleteMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1' })), conflict);
  await assert.rejects(client.send(new DeleteMicrovmImageCommand({ imageIdentifier: app })), with400(`Cannot delete MicroVM image in its current state: ${app}`));
  go();
  await reaches('UPDATED');
  const builds = await client.send(new ListMicrovmImageBuildsCommand({ imageIdentifier: app, imageVersion: '2' }));
  assert.deepEqual(builds.items?.map((build) => [build.imageVersion, build.buildState, build.architecture]), [['2.0', 'SUCCESSFUL', 'X86_64']]);
  real.fakes.run = () => Promise.resolve(CONFIG);
});

test('an update needs its three members, an ARN and an image of one\'s own', async () => {
  for (const member of ['baseImageArn', 'buildRoleArn', 'codeArtifact'] as const) {
    await assert.rejects(client.send(update({ [member]: undefined })), with400(`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must not be null`));
  }
  await assert.rejects(client.send(update({ imageIdentifier: 'app' })), with400('Invalid ARN format: app'));
  await assert.rejects(client.send(update({ imageIdentifier: imageArn('no-such') })), ResourceNotFoundException);
  await assert.rejects(api.client(otherKey).send(update()), ResourceNotFoundException);
});

test('UpdateMicrovmImageVersion: the whole version, its tags, and the latest recomputed', async () => {
  const off = await client.send(new UpdateMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '2', status: 'INACTIVE' }));
  assert.deepEqual([off.imageVersion, off.state, off.status, off.tags, off.codeArtifact], ['2.0', 'SUCCESSFUL', 'INACTIVE', { team: 'a' }, config.codeArtifact]);
  assert.equal((await client.send(new GetMicrovmImageCommand({ imageIdentifier: app }))).latestActiveImageVersion, '1.0');
  await client.send(new UpdateMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '2.0', status: 'ACTIVE' }));
  assert.equal((await client.send(new GetMicrovmImageCommand({ imageIdentifier: app }))).latestActiveImageVersion, '2.0');
  await assert.rejects(client.send(new UpdateMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '2.0', status: 'OFF' as never })), with400(/enum value set: \[ACTIVE, INACTIVE\]/));
  await assert.rejects(client.send(new UpdateMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '9', status: 'ACTIVE' })), ResourceNotFoundException);
});

test('DeleteMicrovmImageVersion: DELETING, gone, the image UPDATED; the last one and one in use are refused', async () => {
  real.inUse.add(`${app}:1.0`);
  await assert.rejects(client.send(new DeleteMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1.0' })), with400(/while MicroVMs use it/));
  real.inUse.clear();
  const deleted = await client.send(new DeleteMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1' }));
  assert.deepEqual([deleted.imageIdentifier, deleted.imageVersion, deleted.state], [app, '1.0', 'DELETING']);
  await reaches('UPDATED');
  await assert.rejects(client.send(new GetMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1.0' })), ResourceNotFoundException);
  assert.equal((await client.send(new DeleteMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '1.0' }))).state, 'DELETED');
  assert.deepEqual((await client.send(new ListMicrovmImageVersionsCommand({ imageIdentifier: app }))).items?.map((item) => item.imageVersion), ['2.0']);
  await assert.rejects(client.send(new DeleteMicrovmImageVersionCommand({ imageIdentifier: app, imageVersion: '2' })), with400('This is the last version. Please delete the entire image'));
});

test('DeleteMicrovmImage: refused while in use, then DELETING, then gone; again is success', async () => {
  real.inUse.add(app);
  await assert.rejects(client.send(new DeleteMicrovmImageCommand({ imageIdentifier: app })), ValidationException);
  real.inUse.clear();
  assert.equal((await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: app }))).state, 'DELETING');
  for (let i = 0; i < 400 && (await state().catch(() => undefined)) !== undefined; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await assert.rejects(client.send(new GetMicrovmImageCommand({ imageIdentifier: app })), with404(`MicroVMImage not found for MicroVMImageID: ${app}`));
  assert.equal((await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: app }))).$metadata.httpStatusCode, 200);
});

function with404(message: string) {
  return (error: unknown): boolean => error instanceof ResourceNotFoundException && error.message === message && error.resourceId === app;
}

test('ListMicrovmImages: pages stay right while images come and go, and nameFilter is a part of the name', async () => {
  const make = (name: string) => client.send(new CreateMicrovmImageCommand({ name, ...config }));
  for (const name of ['p-a', 'p-b', 'p-c', 'p-d']) {
    await make(name);
    await reaches('CREATED', name);
  }
  const first = await client.send(new ListMicrovmImagesCommand({ maxResults: 2 }));
  assert.deepEqual(first.items?.map((item) => item.name), ['p-a', 'p-b']);
  await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: imageArn('p-b') })); // the token stands on it
  await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: imageArn('p-c') }));
  for (const name of ['p-b', 'p-c']) for (let i = 0; i < 400 && (await state(name).catch(() => undefined)) !== undefined; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await make('p-e');
  const second = await client.send(new ListMicrovmImagesCommand({ maxResults: 50, nextToken: first.nextToken }));
  assert.deepEqual(second.items?.map((item) => item.name), ['p-d', 'p-e']);
  assert.equal(second.nextToken ?? undefined, undefined);
  assert.deepEqual((await client.send(new ListMicrovmImagesCommand({ nameFilter: '-d' }))).items?.map((item) => item.name), ['p-d']);
});
