/**
 * Every error type of the model, raised through the SDK: class, status, members. Each once here, from the layer that it comes
 * from; what they mean is tested where they arise:
 *
 * - AccessDenied, Throttling, TooManyRequests, ServiceQuotaExceeded, InsufficientCapacity: identity.test.ts
 * - Conflict: image-versions.test.ts (states), lambda-microvms.test.ts (clientToken), shell-tokens.test.ts
 * - ResourceNotFound, InternalServer: lambda-microvms.test.ts
 * - InvalidParameterValue, ResourceConflict, ServiceException: tags.test.ts, and here
 * - Validation: model/edges.test.ts
 * - those of lambda-core, which are no part of this model: network-connectors.test.ts
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  LambdaMicrovmsServiceException, ListTagsCommand, RunMicrovmCommand, TagResourceCommand, type LambdaMicrovmsClient,
} from '@aws-sdk/client-lambda-microvms';
import {
  AccessDeniedError, ConflictError, InsufficientCapacityError, NotFoundError, QuotaExceededError, ThrottledError, ValidationError,
} from '../../src/errors/index.js';
import { accountId, imageArn, region, roleArn, startHarness, type Harness } from './harness.js';
import { readSdkModel } from './model/sdk-model.js';

const model = await readSdkModel();
const connector = `arn:aws:lambda:${region}:${accountId}:network-connector:nc-1`;
let api: Harness;
let client: LambdaMicrovmsClient;
/** Thrown when the next request takes its share of the rate, which every operation does. */
let atTheGate: Error | undefined;

before(async () => {
  api = await startHarness({
    throttle: {
      take() {
        if (atTheGate !== undefined) throw atTheGate;
      },
    },
  });
  client = api.client();
  api.store.insertConnector({
    id: 'nc-1', arn: connector, accountId, name: 'c', configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'], AssociatedComputeResourceTypes: ['MicroVm'] } },
    operatorRole: roleArn, state: 'ACTIVE', version: 1, lastUpdateStatus: 'Successful', tags: {}, lastModified: 1,
  });
});
after(() => api.close());

const run = new RunMicrovmCommand({ imageIdentifier: imageArn('x') });
const tag = new TagResourceCommand({ Resource: connector, Tags: { a: 'b' } });

async function raise(work: () => Promise<unknown>): Promise<LambdaMicrovmsServiceException> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof LambdaMicrovmsServiceException, String(error));
    return error;
  }
  return assert.fail('nothing was refused');
}

const fromRun = (failure: Error) => async () => {
  api.microvms.failure = failure;
  try {
    return await raise(() => client.send(run));
  } finally {
    api.microvms.failure = undefined;
  }
};
const fromTheGate = (failure: Error) => async () => {
  atTheGate = failure;
  try {
    return await raise(() => client.send(new ListTagsCommand({ Resource: connector })));
  } finally {
    atTheGate = undefined;
  }
};

const resource = { resourceType: 'microvm', resourceId: 'm-1' };
const raised: Readonly<Record<string, readonly [work: () => Promise<LambdaMicrovmsServiceException>, members: Readonly<Record<string, unknown>>]>> = {
  AccessDeniedException: [fromRun(new AccessDeniedError('no')), { message: 'no' }],
  ConflictException: [fromRun(new ConflictError('busy', 'microvm', 'm-1')), { message: 'busy', ...resource }],
  InsufficientCapacityException: [fromRun(new InsufficientCapacityError('full')), { message: 'full' }],
  InternalServerException: [fromRun(new Error('private')), {}],
  InvalidParameterValueException: [() => raise(() => client.send(new TagResourceCommand({ Resource: connector, Tags: { 'aws:a': '' } }))), { Type: 'User' }],
  ResourceConflictException: [
    async () => {
      api.store.updateConnector('nc-1', { state: 'DELETING' });
      const error = await raise(() => client.send(tag));
      api.store.updateConnector('nc-1', { state: 'ACTIVE' });
      return error;
    },
    { Type: 'User', message: `${connector} is being deleted: its tags cannot be changed` },
  ],
  ResourceNotFoundException: [fromRun(new NotFoundError('none', 'microvm', 'm-1')), { message: 'none', ...resource }],
  ServiceException: [fromTheGate(new Error('private')), { Type: 'Service' }],
  ServiceQuotaExceededException: [fromRun(new QuotaExceededError('much', 'microvm', 'm-1', 'L-1')), { message: 'much', ...resource, serviceCode: 'lambda', quotaCode: 'L-1' }],
  ThrottlingException: [fromRun(new ThrottledError('slow', 7, 'L-2')), { message: 'slow', serviceCode: 'lambda', quotaCode: 'L-2', retryAfterSeconds: 7 }],
  TooManyRequestsException: [fromTheGate(new ThrottledError('slow', 7)), { Type: 'User', message: 'slow' }],
  ValidationException: [fromRun(new ValidationError('bad')), { message: 'bad' }],
};

test('every error of the model is raised here', () => {
  assert.deepEqual(Object.keys(raised).sort(), Object.keys(model.errors).sort());
});

for (const [name, [work, members]] of Object.entries(raised)) {
  test(`${name}: class, status and members`, async () => {
    const error = await work();
    const modelled = model.errors[name];
    assert.ok(modelled);
    assert.equal(error.name, name);
    assert.equal(error.$metadata.httpStatusCode, modelled.status);
    assert.equal(error.$metadata.attempts, 1);
    assert.ok(error.message.length > 0 && !error.message.includes('private'), error.message);
    for (const [member, value] of Object.entries(members)) {
      assert.ok(member in modelled.members, `${member} is not in the model`);
      assert.equal((error as unknown as Record<string, unknown>)[member], value, member);
    }
  });
}

test('a refusal of the tag operations has the header and members of the older API', async () => {
  const error = await fromTheGate(new ThrottledError('slow', 7))();
  assert.equal(error.$response?.headers['retry-after'], '7');
  assert.equal(error.$response.headers['x-amzn-errortype'], 'TooManyRequestsException');
});
