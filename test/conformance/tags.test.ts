/** Tags through the SDK: images and connectors have them, MicroVMs do not (spec §2.3). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateMicrovmImageCommand, GetMicrovmImageCommand, InvalidParameterValueException, ListTagsCommand, ResourceConflictException, ResourceNotFoundException,
  TagResourceCommand, UntagResourceCommand, ValidationException, type LambdaMicrovmsClient,
} from '@aws-sdk/client-lambda-microvms';
import { accountId, baseImageArn, imageArn, otherKey, region, roleArn, startHarness, type Harness } from './harness.js';
import { realImages } from './support/real-images.js';
import { signedCall } from './support/signed.js';

const real = realImages();
const app = imageArn('app');
let api: Harness;
let client: LambdaMicrovmsClient;
let connector: string;

before(async () => {
  api = await startHarness({ images: real.option });
  client = api.client();
  await client.send(new CreateMicrovmImageCommand({ name: 'app', baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://bkt/code.zip' }, tags: { team: 'a' } }));
  const made = await signedCall(api.port, {
    method: 'POST', path: '/2026-04-04/network-connectors',
    body: { Name: 'egress', Configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'] } }, OperatorRole: roleArn, Tags: { team: 'a' } },
  });
  connector = String(made.json['Arn']);
});
after(async () => {
  await real.shutdown();
  await api.close();
});

const tagsOf = async (Resource: string) => (await client.send(new ListTagsCommand({ Resource }))).Tags;

test('list, add, overwrite, remove, of an image and of a connector', async () => {
  for (const Resource of [app, connector]) {
    assert.deepEqual(await tagsOf(Resource), { team: 'a' });
    const added = await client.send(new TagResourceCommand({ Resource, Tags: { team: 'b', 'é x': '' } }));
    assert.equal(added.$metadata.httpStatusCode, 204);
    assert.deepEqual(await tagsOf(Resource), { team: 'b', 'é x': '' });
    const removed = await client.send(new UntagResourceCommand({ Resource, TagKeys: ['team', 'é x', 'nothing'] }));
    assert.equal(removed.$metadata.httpStatusCode, 204);
    assert.deepEqual(await tagsOf(Resource), {});
  }
  await client.send(new TagResourceCommand({ Resource: app, Tags: { shown: 'x' } }));
  assert.deepEqual((await client.send(new GetMicrovmImageCommand({ imageIdentifier: app }))).tags, { shown: 'x' });
});

test('a 204 has no body, no length and no type', async () => {
  const answer = await signedCall(api.port, { method: 'POST', path: `/2017-03-31/tags/${encodeURIComponent(app)}`, body: { Tags: {} } });
  assert.deepEqual([answer.status, answer.text, answer.headers['content-length'], answer.headers['content-type']], [204, '', undefined, undefined]);
});

test('50 tags are allowed, 51 and keys of aws: are InvalidParameterValue', async () => {
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
  await client.send(new TagResourceCommand({ Resource: connector, Tags: tags(50) }));
  const semantic = (error: unknown): boolean => error instanceof InvalidParameterValueException && error.Type === 'User' && error.$metadata.httpStatusCode === 400;
  await assert.rejects(client.send(new TagResourceCommand({ Resource: connector, Tags: { more: '' } })), semantic);
  await assert.rejects(client.send(new TagResourceCommand({ Resource: app, Tags: { 'aws:x': '' } })), semantic);
  assert.equal(Object.keys((await tagsOf(connector)) ?? {}).length, 50);
});

test('constraints: the resource\'s grammar, keys and values', async () => {
  const constraint = (text: RegExp) => (error: unknown): boolean => error instanceof ValidationException && text.test(error.message);
  const microvm = `arn:aws:lambda:${region}:${accountId}:microvm:microvm-1`;
  for (const Resource of ['app', microvm, `${app}/x`, baseImageArn]) {
    await assert.rejects(client.send(new ListTagsCommand({ Resource })), constraint(/'Resource' .*regular expression pattern/));
    await assert.rejects(client.send(new TagResourceCommand({ Resource, Tags: { a: '' } })), constraint(/'Resource'/));
  }
  await assert.rejects(client.send(new TagResourceCommand({ Resource: app, Tags: { ['k'.repeat(129)]: '' } })), constraint(/'Tags' .*128/));
  await assert.rejects(client.send(new TagResourceCommand({ Resource: app, Tags: { k: 'v'.repeat(257) } })), constraint(/'Tags\.k' .*256/));
  await client.send(new TagResourceCommand({ Resource: app, Tags: { ['k'.repeat(128)]: 'v'.repeat(256) } }));
  const missing = await signedCall(api.port, { method: 'DELETE', path: `/2017-03-31/tags/${encodeURIComponent(app)}` });
  assert.deepEqual([missing.status, missing.type], [400, 'ValidationException']);
  assert.match(missing.text, /'tagKeys' .*must not be null/);
});

test('unknown resources and those of others are 404, with Type and message', async () => {
  const unknown = [imageArn('no-such'), imageArn('app', otherKey.accountId), `arn:aws:lambda:${region}:${accountId}:function:app`];
  for (const Resource of unknown) await assert.rejects(client.send(new ListTagsCommand({ Resource })), ResourceNotFoundException);
  await assert.rejects(api.client(otherKey).send(new ListTagsCommand({ Resource: app })), ResourceNotFoundException);
  const raw = await signedCall(api.port, { method: 'GET', path: `/2017-03-31/tags/${encodeURIComponent(imageArn('no-such'))}` });
  assert.deepEqual([raw.status, raw.type, raw.json], [404, 'ResourceNotFoundException', { Type: 'User', message: `Resource not found: ${imageArn('no-such')}` }]);
});

test('a resource on its way out is a ResourceConflict', async () => {
  api.store.updateImage(app, { state: 'DELETING' });
  await assert.rejects(client.send(new TagResourceCommand({ Resource: app, Tags: { a: '' } })), ResourceConflictException);
  await assert.rejects(client.send(new UntagResourceCommand({ Resource: app, TagKeys: ['a'] })), ResourceConflictException);
});
