/** CreateMicrovmShellAuthToken through the SDK (spec §6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConflictException, CreateMicrovmShellAuthTokenCommand, ResourceNotFoundException, RunMicrovmCommand, ValidationException, type LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { imageArn, region, startHarness, type Harness } from './harness.js';

let api: Harness;
let client: LambdaMicrovmsClient;
before(async () => {
  api = await startHarness();
  client = api.client();
});
after(() => api.close());

/** A MicroVM with these ingress connectors. */
async function microvm(...names: readonly string[]): Promise<string> {
  const { microvmId } = await client.send(new RunMicrovmCommand({ imageIdentifier: imageArn('some') }));
  const index = api.microvms.vms.findIndex((vm) => vm.id === microvmId);
  const vm = api.microvms.vms[index];
  assert.ok(vm && microvmId !== undefined);
  api.microvms.vms[index] = { ...vm, ingressNetworkConnectors: names.map((name) => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`) };
  return microvmId;
}

const ask = (microvmIdentifier: string, expirationInMinutes = 60) => client.send(new CreateMicrovmShellAuthTokenCommand({ microvmIdentifier, expirationInMinutes }));
const refused = (message: string) => (error: unknown): boolean => error instanceof ValidationException && error.message === message;

test('with SHELL_INGRESS, alone or beside HTTP_INGRESS, in every state but the last two', async () => {
  for (const names of [['SHELL_INGRESS'], ['HTTP_INGRESS', 'SHELL_INGRESS']]) {
    const id = await microvm(...names);
    assert.deepEqual((await ask(id)).authToken, { 'X-aws-proxy-auth': 's.h.e.l.l' });
    assert.deepEqual(api.shellTokenRequests.at(-1), { microvmId: id, expiresInMinutes: 60 });
    api.microvms.setState(id, 'SUSPENDED');
    assert.ok((await ask(id, 1)).authToken);
    for (const state of ['TERMINATING', 'TERMINATED'] as const) {
      api.microvms.setState(id, state);
      await assert.rejects(ask(id), (error) => error instanceof ConflictException && error.resourceId === id);
    }
  }
});

test('without it, and with ALL_INGRESS beside others', async () => {
  const none = 'Shell access requires SHELL_INGRESS network connector to be configured on the MicroVM.';
  for (const names of [['HTTP_INGRESS'], ['ALL_INGRESS'], ['NO_INGRESS'], []]) await assert.rejects(ask(await microvm(...names)), refused(none));
  await assert.rejects(
    ask(await microvm('ALL_INGRESS', 'SHELL_INGRESS')),
    refused('ALL_INGRESS cannot be combined with other ingress network connectors; use HTTP_INGRESS and/or SHELL_INGRESS instead'),
  );
});

test('minutes and identifier', async () => {
  const id = await microvm('SHELL_INGRESS');
  await assert.rejects(ask(id, 61), refused('ExpirationMinutes 61 exceeded max allowed of 60.'));
  await assert.rejects(ask(id, 0), refused("1 validation error detected: Value at 'expirationInMinutes' failed to satisfy constraint: Member must have value greater than or equal to 1"));
  await assert.rejects(ask('microvm-none'), ResourceNotFoundException);
});
