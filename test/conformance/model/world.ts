/** The harness with something in it to ask for, everything noted that reaches the services, and answers as they are sent. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as sdk from '@aws-sdk/client-lambda-microvms';
import { accountId, baseImageArn, imageArn, region, roleArn, startHarness, type Harness } from '../harness.js';
import type { OperationModel } from './sdk-model.js';
import type { Input, Samples } from './requests.js';

export interface Outcome {
  /** As the SDK gives it; undefined when refused. */
  readonly output: unknown;
  readonly error: sdk.LambdaMicrovmsServiceException | undefined;
  /** The body as sent. */
  readonly body: string;
  readonly status: number;
  /** Arguments of every call into a service, without the principal. */
  readonly calls: readonly (readonly unknown[])[];
}

export interface World {
  readonly api: Harness;
  readonly samples: Samples;
  readonly connectorArn: string;
  /** Through the SDK, without retries. Rejects when the SDK itself refuses to send the request. */
  send(operation: Pick<OperationModel, 'name'>, input: Input): Promise<Outcome>;
  close(): Promise<void>;
}

type AnyCommand = new (input: Input) => sdk.ListMicrovmsCommand;

export async function startWorld(options: Parameters<typeof startHarness>[0] = {}): Promise<World> {
  const api = await startHarness(options);
  const calls: unknown[][] = [];
  note(api.images, calls);
  note(api.microvms, calls);
  const client = api.client();
  const sent = { body: '', status: 0 };
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { body: Readable; statusCode: number };
      const bytes = await buffer(response.body);
      Object.assign(sent, { body: bytes.toString('utf8'), status: response.statusCode });
      response.body = Readable.from([bytes]);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'keepAnswer' },
  );

  const connectorArn = `arn:aws:lambda:${region}:${accountId}:network-connector:nc-model`;
  api.store.insertConnector({
    id: 'nc-model', arn: connectorArn, accountId, name: 'model', configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'], AssociatedComputeResourceTypes: ['MicroVm'] } },
    operatorRole: roleArn, state: 'ACTIVE', version: 1, lastUpdateStatus: 'Successful', tags: {}, lastModified: 1,
  });
  const who = { accountId, accessKeyId: 'test' };
  const config = { baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k.zip' } };
  for (const name of ['model-base', 'model-other']) api.images.create(who, { name, tags: { a: 'b' }, config });
  api.images.update(who, imageArn('model-base'), config);
  const build = api.images.builds[0];
  if (build === undefined) throw new Error('the fake made no build');
  api.images.builds.push({ ...build, buildId: 'second', state: 'SUCCESSFUL', chipsetGeneration: '3', snapshotBuild: { memorySnapshotSizeInBytes: 1, codeInstallSizeInBytes: 2, diskSnapshotSizeInBytes: 3 } });
  api.images.managed.push({ imageArn: baseImageArn.replace('al2023-1', 'al2023-2'), createdAt: 3_000, versions: [{ version: '0', createdAt: 3_000 }] });
  for (let i = 0; i < 2; i += 1) api.microvms.run(who, { imageArn: imageArn('model-base') });
  const vm = api.microvms.vms[0];
  if (vm === undefined) throw new Error('the fake runs no MicroVM');
  api.microvms.vms[0] = { ...vm, state: 'RUNNING', ingressNetworkConnectors: [`arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:SHELL_INGRESS`] };

  let names = 0;
  const fixed: Readonly<Record<string, unknown>> = {
    imageIdentifier: imageArn('model-base'), imageVersion: '1.0', buildId: build.buildId, microvmIdentifier: vm.id, Resource: connectorArn, baseImageArn,
    buildRoleArn: roleArn, allowedPorts: [{ port: 8080 }], startPort: 1, endPort: 65_535, TagKeys: ['k'], Tags: { k: 'v' },
  };
  return {
    api,
    connectorArn,
    samples(operation, member) {
      if (member === 'name') return `model-${names++}`;
      if (member === 'imageIdentifier' && operation === 'ListManagedMicrovmImageVersions') return baseImageArn;
      return fixed[member];
    },
    async send({ name }, input) {
      for (const noted of [calls, api.tokenRequests, api.shellTokenRequests]) noted.length = 0;
      Object.assign(sent, { body: '', status: 0 });
      const Command = sdk[`${name}Command` as 'ListMicrovmsCommand'] as unknown as AnyCommand;
      const answer = await client.send(new Command(input)).then(
        (output) => ({ output: output, error: undefined }),
        (error: unknown) => {
          if (error instanceof sdk.LambdaMicrovmsServiceException) return { output: undefined, error };
          throw error;
        },
      );
      return { ...answer, ...sent, calls: [...calls, ...[...api.tokenRequests, ...api.shellTokenRequests].map((request) => [request])] };
    },
    close: () => api.close(),
  };
}

/** Replaces each of a fake's methods by one that notes its arguments first. */
function note(service: object, calls: unknown[][]): void {
  for (const [name, method] of Object.entries(service)) {
    if (typeof method !== 'function') continue;
    Object.assign(service, {
      [name]: (...given: unknown[]): unknown => {
        if (typeof given[0] === 'object' && given[0] !== null && 'accountId' in given[0]) calls.push(given.slice(1));
        return (method as (...all: unknown[]) => unknown).apply(service, given);
      },
    });
  }
}
