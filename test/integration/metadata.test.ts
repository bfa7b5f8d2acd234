/** The metadata service from inside guests, and what the credentials it gives are good for. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GetMicrovmCommand, LambdaMicrovmsClient, ListMicrovmsCommand, ResumeMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { buildImage, READY_ON_8080 } from './support/images.js';
import { reaches, reconnect, runVm, type RunningVm } from './support/microvms.js';
import { newDataDir, ROLE, type Service, startService } from './support/service.js';

const APP = fileURLToPath(new URL('apps/metadata', import.meta.url));
const OTHER_ROLE = 'arn:aws:iam::000000000000:role/without-an-entry';

interface Document {
  readonly Code: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly LastUpdated: string;
  readonly Expiration: string;
}

describe('metadata service', () => {
  let dataDir: string;
  let service: Service;
  let image: string;
  let a: RunningVm;
  let b: RunningVm;

  const start = async (): Promise<Service> => startService(dataDir, { TARDIGRADE_GUEST_API: '1' });
  const launch = (executionRoleArn?: string): Promise<RunningVm> => runVm(service, image, executionRoleArn === undefined ? {} : { executionRoleArn });

  /** Of a Python expression in the guest. */
  async function evaluate<T>(vm: RunningVm, expression: string): Promise<T> {
    const { status, body } = await vm.http.send('/evaluate', { method: 'POST', body: expression });
    assert.equal(status, 200, body);
    return JSON.parse(body) as T;
  }
  const credentials = (vm: RunningVm): Promise<Document> => evaluate<Document>(vm, 'client.credentials()');
  const fromGuest = (vm: RunningVm, path: string) => evaluate<[number, string]>(vm, `client.api(${JSON.stringify(path)})`);

  function as({ AccessKeyId, SecretAccessKey, Token }: Document): LambdaMicrovmsClient {
    return new LambdaMicrovmsClient({ endpoint: service.daemon.apiUrl, region: 'us-east-1', maxAttempts: 1, credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token } });
  }

  before(async () => {
    dataDir = await newDataDir();
    service = await start();
    image = `arn:aws:lambda:${service.config.region}:${service.config.accountId}:microvm-image:metadata`;
    // Before the build: a change is seen within a second.
    const policies = [{ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: image } }];
    await writeFile(join(dataDir, 'roles.json'), JSON.stringify({ [ROLE]: { policies } }), { mode: 0o600 });
    const outcome = await buildImage(service, 'metadata', await service.upload('metadata.zip', await zipFolder(APP)), {
      hooks: { ...READY_ON_8080, microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 30, suspend: 'ENABLED', suspendTimeoutInSeconds: 30, resume: 'ENABLED', resumeTimeoutInSeconds: 30 } },
      tags: { team: 'blue' },
    });
    assert.equal(outcome.state, 'CREATED', outcome.log);
    assert.match(outcome.log, /refused: /, 'the Dockerfile asked for a token');
    assert.equal(outcome.imageArn, image);
    [a, b] = await Promise.all([launch(ROLE), launch(ROLE)]);
  });
  after(async () => {
    await service.daemon.close();
    service.microvms.destroy();
    service.s3.destroy();
    await rm(dataDir, { recursive: true });
  });

  it('answers in the run hook and after, each guest its own; no build', async () => {
    const [docA, docB] = await Promise.all([credentials(a), credentials(b)]);
    const { startedAt } = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: a.id }));
    assert.equal(Date.parse(docA.LastUpdated), Math.floor((startedAt?.getTime() ?? 0) / 1000) * 1000);
    assert.equal(Date.parse(docA.Expiration) - Date.parse(docA.LastUpdated), 55 * 60_000);
    for (const member of ['AccessKeyId', 'SecretAccessKey', 'Token'] as const) assert.notEqual(docA[member], docB[member], member);
    const [status, atRun] = await evaluate<[number, string]>(a, 'kept["run"]');
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(atRun), docA);
    for (const moment of ['build', 'ready']) assert.equal((await evaluate<[number, string]>(a, `kept["${moment}"]`))[0], 0, moment);
    const text = async (path: string): Promise<string> => (await evaluate<[number, string]>(a, `client.get("/latest/meta-data/${path}")`))[1];
    assert.equal(await text(''), 'iam/\nplacement/\ntags/');
    assert.equal(await text('placement/region'), 'us-east-1');
    assert.equal(await text('tags/instance/team'), 'blue');
  });

  it('gives credentials that work on the API, from the guest and from elsewhere, within the role', async () => {
    const [status, body] = await fromGuest(a, `/2025-09-09/microvms/${b.id}`);
    assert.equal(status, 200, body);
    assert.equal((JSON.parse(body) as { microvmId: string }).microvmId, b.id);
    const [refused, why] = await fromGuest(a, '/2025-09-09/microvms');
    assert.equal(refused, 403, why);
    assert.match(why, new RegExp(`assumed-role/test/${a.id} is not authorized to perform: lambda:ListMicrovms`));

    const client = as(await credentials(a));
    assert.equal((await client.send(new GetMicrovmCommand({ microvmIdentifier: a.id }))).microvmId, a.id);
    await assert.rejects(client.send(new ListMicrovmsCommand({})), { name: 'AccessDeniedException' });
    client.destroy();
  });

  it('does not take another guest\'s token, and has nothing for a MicroVM without a role, or whose role has no entry', async () => {
    const token = await evaluate<string>(b, 'client.token()');
    assert.deepEqual(await evaluate(a, `client.get(client.ROLE, ${JSON.stringify(token)})`), [401, 'MMDS token not valid.']);
    const [without, powerless] = await Promise.all([launch(), launch(OTHER_ROLE)]);
    assert.equal((await evaluate<[number, string]>(without, 'client.get(client.ROLE)'))[0], 404);
    assert.equal((await fromGuest(powerless, `/2025-09-09/microvms/${b.id}`))[0], 403);
    await Promise.all([without.terminate(), powerless.terminate()]);
  });

  it('goes on over a suspend and a new daemon, with the same credentials while they live', async () => {
    const before = await credentials(a);
    const token = await evaluate<string>(a, 'client.token()');
    await a.suspend();
    const { microvms } = service;
    await microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: a.id }));
    await reaches(service, a.id, 'RUNNING');
    for (const hook of ['suspend', 'resume']) assert.deepEqual(JSON.parse((await evaluate<[number, string]>(a, `kept["${hook}"]`))[1]), before, hook);
    assert.equal((await evaluate<[number, string]>(a, `client.get("/latest/", ${JSON.stringify(token)})`))[0], 200);

    // Away and back: the daemon's ports are others then, so the way in is a new one.
    const ids = [a.id, b.id];
    for (const vm of [a, b]) vm.http.close();
    await service.daemon.close('keep');
    service.microvms.destroy();
    service.s3.destroy();
    service = await start();
    for (const id of ids) assert.equal(await reaches(service, id, 'RUNNING'), undefined);
    [a, b] = await Promise.all([reconnect(service, a.id), reconnect(service, b.id)]);
    assert.deepEqual(await credentials(a), before);
    assert.equal((await evaluate<[number, string]>(a, `client.get("/latest/", ${JSON.stringify(token)})`))[0], 200);
    assert.equal((await fromGuest(a, `/2025-09-09/microvms/${b.id}`))[0], 200);
  });

  it('leaves nothing in the image; credentials end with their MicroVM', async () => {
    const document = await credentials(a);
    const secrets = [document.AccessKeyId, document.SecretAccessKey, document.Token.slice(0, 64), await evaluate<string>(a, 'client.token()')];
    await a.suspend();
    // What the guest holds it holds in its memory, so the search does find such things.
    assert.ok((await filesWith(secrets, join(dataDir, 'microvms', a.id))).length > 0);
    assert.deepEqual(await filesWith(secrets, join(dataDir, 'images')), []);
    assert.deepEqual(await filesWith(secrets, join(dataDir, 'logs')), []);
    assert.deepEqual(await filesWith(secrets, dataDir, false), []);
    const client = as(document);
    assert.equal((await client.send(new GetMicrovmCommand({ microvmIdentifier: b.id }))).microvmId, b.id, 'suspended: they live on');
    await a.terminate();
    await assert.rejects(client.send(new GetMicrovmCommand({ microvmIdentifier: b.id })), { name: 'UnrecognizedClientException' });
    client.destroy();
    await b.terminate();
  });
});

/** Files below (or only in) the folder that hold one of the texts. Lines end with NUL, so that grep passes over holes. */
async function filesWith(texts: readonly string[], dir: string, deep = true): Promise<string[]> {
  const args = [deep ? '-r' : '-d', ...(deep ? [] : ['skip']), '-lazF', ...texts.flatMap((text) => ['-e', text])];
  const paths = deep ? [dir] : (await readdir(dir)).map((name) => join(dir, name));
  try {
    return (await promisify(execFile)('grep', [...args, '--', ...paths])).stdout.split('\n').filter(Boolean);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 1) return []; // grep's way to say none
    throw error;
  }
}
