/** The walkthrough of the launch announcement (spec §12) by the AWS CLI, on real VMs; idle time and all. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { messageOf } from '../../src/errors/index.js';
import { type AwsCli, awsCli } from './support/awscli.js';
import { zipFiles } from './support/images.js';
import { BASE_IMAGE, closeShared, ROLE, type Service, sharedService } from './support/service.js';

const APP = `
from flask import Flask, jsonify
app = Flask(__name__)
visits = 0

@app.get("/")
def hello():
    global visits
    visits += 1
    print("hello was asked for", flush=True)
    return jsonify(message="Hello, World!", visits=visits)
`;

/** As announced, but for \`dnf\`: the managed base is Debian and has Flask and gunicorn already. */
const DOCKERFILE = `
FROM public.ecr.aws/lambda/microvms:al2023-minimal
WORKDIR /app
COPY app.py .
EXPOSE 5000
CMD ["gunicorn", "--bind", "0.0.0.0:5000", "app:app"]
`;

interface MicroVm { microvmId: string; endpoint: string; state: string; ingressNetworkConnectors: string[] }

describe('AWS CLI', () => {
  let service: Service;
  let cli: AwsCli | undefined;
  let missing = '';
  before(async () => {
    service = await sharedService();
    cli = await awsCli(service).catch((error: unknown) => {
      missing = messageOf(error);
      return undefined;
    });
  });
  after(() => closeShared());

  it('goes the whole way: image, run, token, request, idle, resume, logs, terminate', async (t) => {
    if (cli === undefined) return t.skip(`Debian sid's awscli cannot be installed: ${missing}`);
    const aws = cli;
    await aws.text(['s3', 'mb', 's3://walkthrough']);
    await aws.text(['s3', 'cp', '-', 's3://walkthrough/app.zip'], await zipFiles({ Dockerfile: DOCKERFILE, 'app.py': APP }));
    const created = await aws.json<{ imageArn: string; state: string; imageVersion: string }>([
      'lambda-microvms', 'create-microvm-image', '--name', 'walkthrough', '--code-artifact', 'uri=s3://walkthrough/app.zip',
      '--base-image-arn', BASE_IMAGE, '--build-role-arn', ROLE, '--resources', 'minimumMemoryInMiB=512',
    ]);
    assert.deepEqual([created.state, created.imageVersion], ['CREATING', '1.0']);
    const image = ['--image-identifier', created.imageArn];
    const settled = async (from: string): Promise<string> => {
      for (let state = from; ; await pause(1000)) {
        if (state !== from) return state;
        ({ state } = await aws.json<{ state: string }>(['lambda-microvms', 'get-microvm-image', ...image]));
      }
    };
    assert.equal(await settled('CREATING'), 'CREATED');

    const run = await aws.json<MicroVm>(['lambda-microvms', 'run-microvm', ...image, '--execution-role-arn', ROLE, '--idle-policy', '{"maxIdleDurationSeconds":60,"suspendedDurationSeconds":300,"autoResumeEnabled":true}']);
    assert.equal(run.state, 'PENDING');
    assert.match(run.ingressNetworkConnectors.join(), /HTTP_INGRESS/);
    const vm = ['--microvm-identifier', run.microvmId];
    const { authToken } = await aws.json<{ authToken: Record<string, string> }>(['lambda-microvms', 'create-microvm-auth-token', ...vm, '--expiration-in-minutes', '30', '--allowed-ports', '[{"range":{"startPort":5000,"endPort":5001}},{"port":8080}]']);
    const token = authToken['X-aws-proxy-auth'] ?? '';
    const send = async (headers: Record<string, string>, sent = token) => {
      const http = endpointClient(run.endpoint, service.daemon.caFile, sent);
      try {
        return await http.send('/', { headers });
      } finally {
        http.close();
      }
    };
    const toApp = { 'x-aws-proxy-port': '5000' };
    // No /ready hook: the snapshot may be of an application that was still starting (spec §3.6).
    let first = await send(toApp);
    while (first.status === 502) first = await send(toApp);
    assert.deepEqual([first.status, JSON.parse(first.body)], [200, { message: 'Hello, World!', visits: 1 }]);
    assert.equal((await send({})).status, 502); // 8080: nothing listens
    assert.equal((await send(toApp, '')).status, 403);
    assert.equal((await send({ 'x-aws-proxy-port': '5002' })).status, 403);

    const current = async () => (await aws.json<MicroVm>(['lambda-microvms', 'get-microvm', ...vm])).state;
    while ((await current()) === 'RUNNING') await pause(2000); // 60 s idle
    while ((await current()) === 'SUSPENDING') await pause(500);
    assert.equal(await current(), 'SUSPENDED');
    assert.deepEqual(JSON.parse((await send(toApp)).body), { message: 'Hello, World!', visits: 2 });

    assert.match(await aws.text(['logs', 'tail', '/aws/lambda-microvms/walkthrough', '--since', '1h']), /hello was asked for/);
    await aws.text(['lambda-microvms', 'terminate-microvm', ...vm]);
    while ((await current()) !== 'TERMINATED') await pause(200);
    assert.equal((await send(toApp)).status, 502);

    // A new version is built beside the old one and is what runs from then on.
    const updated = await aws.json<{ state: string; imageVersion: string }>([
      'lambda-microvms', 'update-microvm-image', ...image, '--code-artifact', 'uri=s3://walkthrough/app.zip',
      '--base-image-arn', BASE_IMAGE, '--build-role-arn', ROLE, '--resources', 'minimumMemoryInMiB=512',
    ]);
    assert.deepEqual([updated.state, updated.imageVersion], ['UPDATING', '2.0']);
    assert.equal(await settled('UPDATING'), 'UPDATED');
    const next = await aws.json<MicroVm & { imageVersion: string }>(['lambda-microvms', 'run-microvm', ...image]);
    assert.equal(next.imageVersion, '2.0');
    const nextVm = ['--microvm-identifier', next.microvmId];
    const nextState = async () => (await aws.json<MicroVm>(['lambda-microvms', 'get-microvm', ...nextVm])).state;
    while ((await nextState()) === 'PENDING') await pause(200);
    assert.equal(await nextState(), 'RUNNING');
    await aws.text(['lambda-microvms', 'terminate-microvm', ...nextVm]);
    while ((await nextState()) !== 'TERMINATED') await pause(200);
    await aws.text(['lambda-microvms', 'delete-microvm-image', ...image]);
  });
});
