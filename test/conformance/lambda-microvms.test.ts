/** The operations through the unmodified SDK over real HTTP. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ConflictException, CreateMicrovmAuthTokenCommand, CreateMicrovmImageCommand, DeleteMicrovmImageCommand, GetMicrovmCommand,
  GetMicrovmImageBuildCommand, GetMicrovmImageCommand, GetMicrovmImageVersionCommand, InternalServerException,
  ListManagedMicrovmImagesCommand, ListManagedMicrovmImageVersionsCommand,
  ListMicrovmImageBuildsCommand, ListMicrovmImagesCommand, ListMicrovmImageVersionsCommand, ListMicrovmsCommand,
  paginateListMicrovmImages, ResourceNotFoundException, ResumeMicrovmCommand, RunMicrovmCommand, SuspendMicrovmCommand, TerminateMicrovmCommand,
  ValidationException, type CreateMicrovmImageCommandInput, type LambdaMicrovmsClient, type RunMicrovmCommandInput,
} from '@aws-sdk/client-lambda-microvms';
import { accountId, baseImageArn, imageArn, roleArn, startHarness, type Harness } from './harness.js';

let api: Harness;
let client: LambdaMicrovmsClient;

before(async () => {
  api = await startHarness();
  client = api.client();
});
after(() => api.close());

const image = (name: string, more: Partial<CreateMicrovmImageCommandInput> = {}) =>
  new CreateMicrovmImageCommand({ name, baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://bucket/key.zip' }, ...more });

const run = (more: Partial<RunMicrovmCommandInput> = {}) => new RunMicrovmCommand({ imageIdentifier: imageArn('some'), ...more });

/** The error's class and text. */
const refusal = (type: new (...args: never[]) => Error, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof type, String(error));
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

test('CreateMicrovmImage echoes the whole configuration, and Get, List, versions and builds agree', async () => {
  const full: Partial<CreateMicrovmImageCommandInput> = {
    baseImageVersion: '1',
    description: 'a \u{1f980}',
    logging: { cloudWatch: { logGroup: '/a/b', logStream: 's' } },
    egressNetworkConnectors: ['arn:connector'],
    cpuConfigurations: [{ architecture: 'ARM_64' }],
    resources: [{ minimumMemoryInMiB: 512 }],
    additionalOsCapabilities: ['ALL'],
    hooks: { port: 9000, microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 60 }, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 3600 } },
    environmentVariables: { A: '' },
    tags: { 'team:x': 'é y' },
  };
  const created = await client.send(image('full', full));
  assert.equal(created.$metadata.httpStatusCode, 201);
  assert.match(created.$metadata.requestId ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(created.imageArn, `arn:aws:lambda:us-east-1:${accountId}:microvm-image:full`);
  assert.equal(created.imageVersion, '1.0');
  assert.equal(created.createdAt?.getTime(), 1_755_278_248_601);
  for (const [member, value] of Object.entries({ ...full, baseImageVersion: '1.0' })) assert.deepEqual(created[member as keyof typeof created], value, member);

  const got = await client.send(new GetMicrovmImageCommand({ imageIdentifier: created.imageArn }));
  assert.deepEqual([got.name, got.state, got.tags], ['full', 'CREATING', full.tags]);
  const version = await client.send(new GetMicrovmImageVersionCommand({ imageIdentifier: created.imageArn, imageVersion: '1' }));
  assert.deepEqual([version.imageVersion, version.state, version.status, version.hooks, version.tags], ['1.0', 'PENDING', 'INACTIVE', full.hooks, full.tags]);
  const versions = await client.send(new ListMicrovmImageVersionsCommand({ imageIdentifier: created.imageArn }));
  assert.deepEqual(versions.items?.map((item) => item.imageVersion), ['1.0']);
  const builds = await client.send(new ListMicrovmImageBuildsCommand({ imageIdentifier: created.imageArn, imageVersion: '1', chipsetGeneration: '4' }));
  const build = await client.send(new GetMicrovmImageBuildCommand({ imageIdentifier: created.imageArn, imageVersion: '1.0', buildId: builds.items?.[0]?.buildId }));
  assert.equal(build.buildState, 'PENDING');
  assert.equal(build.snapshotBuild ?? undefined, undefined);
  const none = await client.send(new ListMicrovmImageBuildsCommand({ imageIdentifier: created.imageArn, imageVersion: '1.0', chipsetGeneration: '3' }));
  assert.deepEqual(none.items, []);

  await assert.rejects(client.send(image('full')), refusal(ValidationException, "A MicroVM image with the name 'full' already exists in this account"));
  const deleted = await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: created.imageArn }));
  assert.deepEqual([deleted.imageIdentifier, deleted.state], [created.imageArn, 'DELETING']);
});

test('every List pages: all items once, in order, and no token at the end; nameFilter applies after paging', async () => {
  for (let i = 0; i < 5; i += 1) await client.send(image(`paged-${i}`));
  const names: (string | undefined)[] = [];
  for await (const page of paginateListMicrovmImages({ client, pageSize: 2 }, {})) names.push(...(page.items ?? []).map((item) => item.name));
  assert.deepEqual(names, api.images.images.map((record) => record.name));

  const first = await client.send(new ListMicrovmImagesCommand({ maxResults: 1, nameFilter: 'paged-4' }));
  assert.deepEqual(first.items, []);
  assert.ok(first.nextToken);
  await assert.rejects(client.send(new ListMicrovmsCommand({ nextToken: first.nextToken })), refusal(ValidationException, /^Invalid nextToken/));
  await assert.rejects(client.send(new ListMicrovmImagesCommand({ maxResults: 51 })), refusal(ValidationException, "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50"));

  const managed = await client.send(new ListManagedMicrovmImagesCommand({}));
  assert.deepEqual(managed.items?.map((item) => item.imageArn), [baseImageArn]);
  const one = await client.send(new ListManagedMicrovmImageVersionsCommand({ imageIdentifier: baseImageArn, maxResults: 1 }));
  const two = await client.send(new ListManagedMicrovmImageVersionsCommand({ imageIdentifier: baseImageArn, maxResults: 1, nextToken: one.nextToken }));
  assert.deepEqual([...(one.items ?? []), ...(two.items ?? [])].map((item) => [item.imageVersion, item.status]), [['1', 'AVAILABLE'], ['0', 'AVAILABLE']]);
  assert.equal(two.nextToken ?? undefined, undefined);
  await assert.rejects(client.send(new ListManagedMicrovmImageVersionsCommand({ imageIdentifier: imageArn('no-such') })), ResourceNotFoundException);
});

test('clientToken: same parameters give the same answer and no new work, others a conflict; accounts are apart', async () => {
  const vm = await client.send(run({ clientToken: 'token-1' }));
  const count = api.microvms.vms.length;
  const again = await client.send(run({ clientToken: 'token-1' }));
  assert.deepEqual([again.microvmId, again.startedAt, api.microvms.vms.length], [vm.microvmId, vm.startedAt, count]);
  await assert.rejects(client.send(run({ clientToken: 'token-1', runHookPayload: 'x' })), (error) => {
    assert.ok(error instanceof ConflictException);
    return error.resourceId === vm.microvmId && error.resourceType === 'microvm';
  });
  const other = await api.client(otherKeyPair()).send(run({ clientToken: 'token-1', runHookPayload: 'x' }));
  assert.notEqual(other.microvmId, vm.microvmId);
  await client.send(image('idem', { clientToken: 'token-1' }));
  const replay = await client.send(image('idem', { clientToken: 'token-1' }));
  assert.equal(replay.imageArn, imageArn('idem'));
});

function otherKeyPair() {
  return { accessKeyId: 'TDGKOTHEROTHEROTHERO', secretAccessKey: 'other-secret-other-secret-other-secret-12' };
}

test('MicroVMs: run, get, list, suspend, resume, terminate', async () => {
  const idlePolicy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: true };
  const vm = await client.send(run({ imageVersion: '2', idlePolicy, logging: { disabled: {} } }));
  assert.deepEqual([vm.state, vm.imageVersion, vm.idlePolicy, vm.maximumDurationInSeconds], ['PENDING', '2.0', idlePolicy, 28_800]);
  assert.match(vm.endpoint ?? '', /^[0-9a-f-]{36}\.microvm\.localhost:7443$/);
  assert.ok(!('logging' in vm));
  const target = { microvmIdentifier: vm.microvmId };
  assert.equal((await client.send(new GetMicrovmCommand(target))).microvmId, vm.microvmId);
  const listed = await client.send(new ListMicrovmsCommand({ imageIdentifier: imageArn('some') }));
  const item = listed.items?.find((entry) => entry.microvmId === vm.microvmId);
  assert.deepEqual(Object.keys(item ?? {}).sort(), ['imageArn', 'imageVersion', 'microvmId', 'startedAt', 'state']);
  await client.send(new SuspendMicrovmCommand(target));
  await client.send(new ResumeMicrovmCommand(target));
  await client.send(new TerminateMicrovmCommand(target));
  assert.deepEqual(api.microvms.calls.slice(-3), ['suspend', 'resume', 'terminate'].map((what) => `${what} ${vm.microvmId ?? ''}`));
  await assert.rejects(client.send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-x' })), (error) => {
    assert.ok(error instanceof ResourceNotFoundException);
    return error.resourceId === 'microvm-x' && error.resourceType === 'microvm';
  });
});

test('CreateMicrovmAuthToken: ports and minutes reach the issuer; what it refuses', async () => {
  const vm = await client.send(run());
  const microvmIdentifier = vm.microvmId;
  const token = (expirationInMinutes: number, allowedPorts: ConstructorParameters<typeof CreateMicrovmAuthTokenCommand>[0]['allowedPorts'] = [{ port: 8080 }]) =>
    client.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier, expirationInMinutes, allowedPorts }));
  const ports = [{ port: 8080 }, { range: { startPort: 1, endPort: 65535 } }, { allPorts: {} }];
  assert.deepEqual((await token(60, ports)).authToken, { 'X-aws-proxy-auth': 'a.b.c.d.e' });
  assert.deepEqual(api.tokenRequests.at(-1), { microvmId: microvmIdentifier, allowedPorts: ports, expiresInMinutes: 60 });
  await assert.rejects(token(61), refusal(ValidationException, 'ExpirationMinutes 61 exceeded max allowed of 60.'));
  await assert.rejects(token(0), refusal(ValidationException, /'expirationInMinutes' .* greater than or equal to 1$/));
  await assert.rejects(token(5, []), refusal(ValidationException, /'allowedPorts' .* length greater than or equal to 1$/));
  await assert.rejects(token(5, [{ port: 65536 }]), refusal(ValidationException, /'allowedPorts\.1\.member\.port' .* less than or equal to 65535$/));
  await assert.rejects(token(5, [{ range: { startPort: 9, endPort: 8 } }]), refusal(ValidationException, /9-8 is empty/));
  api.microvms.setState(microvmIdentifier ?? '', 'SUSPENDED');
  assert.ok((await token(1)).authToken);
  api.microvms.setState(microvmIdentifier ?? '', 'TERMINATED');
  await assert.rejects(token(1), ConflictException);
});

test('image identifiers must be ARNs; lengths are reported first', async () => {
  await assert.rejects(client.send(run({ imageIdentifier: 'name' })), refusal(ValidationException, "Malformed ARN - doesn't start with 'arn:'"));
  await assert.rejects(client.send(new GetMicrovmImageCommand({ imageIdentifier: 'name' })), refusal(ValidationException, 'Invalid ARN format: name'));
  await assert.rejects(client.send(new ListMicrovmsCommand({ imageIdentifier: 'name' })), refusal(ValidationException, 'Invalid ARN format: name'));
  await assert.rejects(client.send(run({ imageIdentifier: 'x'.repeat(257) })), refusal(ValidationException, /length less than or equal to 256$/));
  const missing = imageArn('missing');
  await assert.rejects(client.send(new GetMicrovmImageCommand({ imageIdentifier: missing })), refusal(ResourceNotFoundException, `MicroVMImage not found for MicroVMImageID: ${missing}`));
});

const constraints: readonly (readonly [title: string, send: () => Promise<unknown>, rule: RegExp])[] = [
  ['payload of 4097 characters', () => client.send(run({ runHookPayload: 'x'.repeat(4097) })), /^1 validation error detected: Value at 'runHookPayload' failed to satisfy constraint: Member must have length less than or equal to 4096$/],
  ['duration 0', () => client.send(run({ maximumDurationInSeconds: 0 })), /'maximumDurationInSeconds' .* greater than or equal to 1$/],
  ['duration 28801', () => client.send(run({ maximumDurationInSeconds: 28_801 })), /less than or equal to 28800$/],
  ['idle 59', () => client.send(run({ idlePolicy: { maxIdleDurationSeconds: 59, suspendedDurationSeconds: -1, autoResumeEnabled: true } })), /^2 validation errors detected: .*'idlePolicy\.maxIdleDurationSeconds'.*; .*'idlePolicy\.suspendedDurationSeconds'/],
  ['idle policy in part', () => client.send(run({ idlePolicy: { maxIdleDurationSeconds: 60 } as never })), /'idlePolicy\.suspendedDurationSeconds' failed to satisfy constraint: Member must not be null; .*'idlePolicy\.autoResumeEnabled'/],
  ['11 connectors', () => client.send(run({ egressNetworkConnectors: Array.from({ length: 11 }, () => 'c') })), /'egressNetworkConnectors' .* length less than or equal to 10$/],
  ['bad role', () => client.send(run({ executionRoleArn: 'arn:aws:iam::1:role/x' })), /'executionRoleArn' .* regular expression pattern: arn:aws/],
  ['log group', () => client.send(run({ logging: { cloudWatch: { logGroup: 'a b' } } })), /'logging\.cloudWatch\.logGroup' .* regular expression pattern/],
  ['version with a space', () => client.send(run({ imageVersion: '1 0' })), /'imageVersion' .* regular expression pattern: \[\^\\s\]\+$/],
  ['long token', () => client.send(run({ clientToken: 'x'.repeat(129) })), /'clientToken' .* 128$/],
  ['image name', () => client.send(image('a b')), /'name' .* regular expression pattern: \[a-zA-Z0-9-_\]\+$/],
  ['image name of 65', () => client.send(image('x'.repeat(65))), /'name' .* length less than or equal to 64$/],
  ['two resources', () => client.send(image('x', { resources: [{ minimumMemoryInMiB: 512 }, { minimumMemoryInMiB: 512 }] })), /'resources' .* 1$/],
  ['architecture', () => client.send(image('x', { cpuConfigurations: [{ architecture: 'X86' as never }] })), /'cpuConfigurations\.1\.member\.architecture' .* enum value set: \[ARM_64\]$/],
  ['capability', () => client.send(image('x', { additionalOsCapabilities: ['SOME' as never] })), /'additionalOsCapabilities\.1\.member' .* enum value set: \[ALL\]$/],
  ['hook state', () => client.send(image('x', { hooks: { microvmHooks: { run: 'ON' as never } } })), /'hooks\.microvmHooks\.run' .* enum value set: \[DISABLED, ENABLED\]$/],
  ['hook port and timeouts', () => client.send(image('x', { hooks: { port: 0, microvmHooks: { runTimeoutInSeconds: 61 }, microvmImageHooks: { readyTimeoutInSeconds: 3601 } } })), /^3 validation errors detected/],
  ['51 variables', () => client.send(image('x', { environmentVariables: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`K${i}`, 'v'])) })), /'environmentVariables' .* 50$/],
  ['variable name', () => client.send(image('x', { environmentVariables: { 'A B': 'v' } })), /'environmentVariables' .*Map keys must satisfy constraint/],
  ['variable value', () => client.send(image('x', { environmentVariables: { A: 'v'.repeat(4097) } })), /'environmentVariables\.A' .* 4096$/],
  ['tag value', () => client.send(image('x', { tags: { a: 'b!' } })), /'tags\.a' .* regular expression pattern/],
  ['role missing', () => client.send(image('x', { buildRoleArn: undefined })), /'buildRoleArn' failed to satisfy constraint: Member must not be null$/],
  ['empty union', () => client.send(image('x', { codeArtifact: {} as never })), /'codeArtifact' .* exactly one of the members: \[uri\]$/],
];

for (const [title, send, rule] of constraints) {
  test(`constraint: ${title}`, () => assert.rejects(send(), refusal(ValidationException, rule)));
}

test('4096 characters outside the basic plane are 4096 characters', async () => {
  assert.ok((await client.send(run({ runHookPayload: '\u{1f980}'.repeat(4096) }))).microvmId);
});

test('a fault inside is a 500 whose cause is in the log alone, found by the request id', async () => {
  api.microvms.failure = new Error('disk of the host is on fire');
  await assert.rejects(client.send(run({ runHookPayload: 'payload-secret' })), (error) => {
    assert.ok(error instanceof InternalServerException);
    assert.ok(!error.message.includes('fire'));
    const id = error.$metadata.requestId ?? 'none';
    const line = api.log().split('\n').find((text) => text.includes(id) && text.includes('on fire'));
    return line !== undefined;
  });
  api.microvms.failure = undefined;
  assert.ok(!api.log().includes('payload-secret'));
  assert.ok(!api.log().includes('Signature='));
});
