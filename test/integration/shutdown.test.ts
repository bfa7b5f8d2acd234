/** The daemon ends: politely, and not. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it, after } from 'node:test';
import { CreateMicrovmAuthTokenCommand, GetMicrovmCommand, LambdaMicrovmsClient, ListMicrovmsCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { eventsIn, openEvents } from '../conformance/support/event-stream.js';
import { buildImage, FLASK_APP } from './support/images.js';
import { type AppState, reaches, runVm } from './support/microvms.js';
import { residue } from './support/residue.js';
import { closeShared, newDataDir, type Service, startService } from './support/service.js';

const NOTHING = { vmms: 0, launchers: 0, namespaces: 0, links: 0, taps: 0, mounts: 0, loops: 0, cgroups: 0, nftTables: 0, vmFolders: 0 };
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

describe('shutdown', () => {
  let service: Service | undefined;
  let child: ChildProcessByStdio<null, Readable, null> | undefined;
  after(async () => {
    child?.kill('SIGKILL');
    if (service === undefined) return;
    await service.daemon.close();
    await rm(service.config.dataDir, { recursive: true, force: true });
  });

  it('suspends what runs, leaves nothing on the host, and resumes it at the next start', { timeout: 240_000 }, async () => {
    await closeShared('now'); // this suite counts everything on the host
    const dataDir = await newDataDir();
    service = await startService(dataDir);
    const uri = await service.upload('flask.zip', await zipFolder(FLASK_APP));
    const image = await buildImage(service, 'flask', uri, { hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 } } });
    assert.equal(image.state, 'CREATED', image.log);
    const running = await runVm(service, image.imageArn);
    const suspended = await runVm(service, image.imageArn);
    await running.change();
    await suspended.change();
    await suspended.change();
    await suspended.suspend();
    running.http.close();
    suspended.http.close();
    await service.daemon.close();
    assert.deepEqual(await residue(), NOTHING);

    service = await startService(dataDir);
    await reaches(service, running.id, 'RUNNING');
    assert.equal((await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: suspended.id }))).state, 'SUSPENDED');
    assert.equal((await stateOf(service, running.id)).counter, 1);
    assert.equal((await stateOf(service, suspended.id)).counter, 2);
  });

  it('after SIGKILL, the next daemon adopts what runs, and a stop of that one leaves nothing', { timeout: 240_000 }, async ({ signal }) => {
    assert.ok(service !== undefined);
    const { config } = service;
    await service.daemon.close();
    // The same folder, served by a process that can be killed.
    const killed = (child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'serve'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TARDIGRADE_DATA_DIR: config.dataDir, TARDIGRADE_API_PORT: '0', TARDIGRADE_ENDPOINT_PORT: '0', TARDIGRADE_LOG_LEVEL: 'error' },
    }));
    let output = '';
    killed.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    while (!output.includes('Ctrl-C')) await pause(50, undefined, { signal });
    const apiUrl = /http:\S+/.exec(output)?.[0] ?? '';
    const { accessKeyId, secretAccessKey } = service.daemon.credentials;
    const client = new LambdaMicrovmsClient({ endpoint: apiUrl, region: config.region, credentials: { accessKeyId, secretAccessKey } });
    const states = async (of: LambdaMicrovmsClient) => (await of.send(new ListMicrovmsCommand({}))).items ?? [];
    while ((await states(client)).some((item) => item.state !== 'RUNNING')) await pause(50, undefined, { signal }); // resumed at its start
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    client.destroy();
    assert.equal((await residue()).vmms, 2, 'a killed daemon cannot clean up');

    service = await startService(config.dataDir);
    const items = await states(service.microvms);
    assert.deepEqual(items.map((item) => item.state), ['RUNNING', 'RUNNING']);
    const counters = await Promise.all(items.map(async ({ microvmId = '' }) => (await stateOf(service as Service, microvmId)).counter));
    assert.deepEqual(counters.sort(), [1, 2], 'as they were');
    assert.equal((await residue()).vmms, 2, 'the same VMs');
    for (const { microvmId } of items) await service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvmId }));
    for (const { microvmId = '' } of items) await reaches(service, microvmId, 'TERMINATED');
    await assertEvents(service, items.map(({ microvmId = '' }) => microvmId));
    await service.daemon.close();
    assert.deepEqual({ ...(await residue()), vmFolders: 0 }, NOTHING);
    service = undefined;
    await rm(config.dataDir, { recursive: true, force: true });
  });
});

/** The endpoint's port is another after a restart on port 0, so the address is asked for again. */
async function stateOf(service: Service, id: string): Promise<AppState> {
  const { endpoint } = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }));
  const { authToken } = await service.microvms.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: id, expirationInMinutes: 5, allowedPorts: [{ allPorts: {} }] }));
  const http = endpointClient(endpoint ?? '', service.daemon.caFile, authToken?.['X-aws-proxy-auth'] ?? '');
  try {
    const answer = await http.send('/state');
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body) as AppState;
  } finally {
    http.close();
  }
}

/** What was told over four daemons, one of them killed: every state once, in order, and every step of the build. */
async function assertEvents(service: Service, ids: readonly string[]): Promise<void> {
  const stream = await openEvents(Number(new URL(service.daemon.apiUrl).port), { query: { follow: 'false' }, credentials: service.daemon.credentials });
  assert.equal(await stream.ended, 'end');
  const events = eventsIn(stream.text());
  assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => String(index + 1)), 'numbers count up by one');
  assert.equal(new Set(events.map(({ data }) => data['id'])).size, events.length);
  const details = (type: string) => events.filter(({ event }) => event === type).map(({ data }) => data['detail'] as Readonly<Record<string, unknown>>);
  const steps = ['fetch', 'build', 'boot', 'ready', 'snapshot', 'tidy'];
  assert.deepEqual(details('MicroVM Image Build Step').map(({ step, status }) => `${String(step)} ${String(status)}`), steps.flatMap((step) => [`${step} STARTED`, `${step} SUCCEEDED`]));
  assert.deepEqual(details('MicroVM Image State Change').map(({ imageVersion, state }) => [imageVersion, state]), [[null, 'CREATING'], ['1.0', 'PENDING'], ['1.0', 'IN_PROGRESS'], ['1.0', 'SUCCESSFUL'], [null, 'CREATED']]);
  const told = ids.map((id) => details('MicroVM State Change').filter(({ microvmId }) => microvmId === id));
  for (const changes of told) assert.deepEqual(changes.map(({ previousState }) => previousState), [null, ...changes.slice(0, -1).map(({ state }) => state)]);
  // Suspended by a stop and resumed by a start, twice; or by a call and by a request, then by a stop and a start. Adopted after the kill, it did not change.
  const life = ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'RUNNING', 'TERMINATING', 'TERMINATED'];
  assert.deepEqual(told.map((changes) => changes.map(({ state }) => state)), [life, life]);
}
