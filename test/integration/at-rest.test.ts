/** What the data folder gives away: modes of its files, the daemon's secrets in templates, and with encryption nothing. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { DeleteMicrovmImageCommand, GetMicrovmCommand, GetMicrovmImageCommand, ResumeMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { setTimeout as pause } from 'node:timers/promises';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { destroyKeyOf } from '../../src/daemon/destroy-key.js';
import { findIn, makeEncryptingDisk } from '../unit/vault/encrypting-disk.js';
import { buildImage, FLASK_APP, FLASK_HOOKS, flaskImage } from './support/images.js';
import { type AppState, reaches, runVm, tokenFor } from './support/microvms.js';
import { closeShared, type Service, sharedService, startService } from './support/service.js';

describe('data at rest', () => {
  after(() => closeShared());

  it('is open to its owner alone, every file and folder, while MicroVMs run and are suspended', async (t) => {
    const service = await sharedService();
    const image = await flaskImage();
    const [running, suspended] = [await runVm(service, image), await runVm(service, image)];
    t.after(() => Promise.all([running.terminate(), suspended.terminate()]));
    await Promise.all([running.state(), suspended.state()]);
    await suspended.suspend();
    const seen = await modes(service.config.dataDir);
    for (const name of ['tardigrade.db', 'credentials.json', 'disk.raw', 'ram', 'device-state', 'pages', 'console.log', 'vmm.log', 'page-key']) {
      assert.ok(seen.some(({ path }) => path.endsWith(`/${name}`)), `there is a ${name}`);
    }
    // Only the group of all VMMs, which no user is in, reads what clones share; each VMM sees its own template in its jail.
    const shared = ({ path, mode, gid }: Access): boolean => path.endsWith('/disk.raw') && mode === 0o640 && gid === service.config.vmmIds.first;
    assert.deepEqual(seen.filter((one) => (one.mode & 0o077) !== 0 && !shared(one)).map(({ path, mode }) => `${path} ${mode.toString(8)}`), []);
  });

  it('holds none of the daemon\'s secrets in the memory, device state or disk of a template', async () => {
    const service = await sharedService();
    await flaskImage();
    const { dataDir, accountId } = service.config;
    const secrets = await daemonSecrets(service);
    assert.ok(secrets.length >= 6, `${secrets.length} secrets to look for`);
    const files = (await modes(join(dataDir, 'images', accountId, 'flask-all'))).filter(({ path }) => /\/(ram|device-state|disk\.raw)$/.test(path));
    assert.deepEqual(files.map(({ path }) => basename(path)).toSorted(), ['device-state', 'disk.raw', 'ram']);
    for (const { path } of files) {
      const [control, ...found] = await findIn(path, [Buffer.from('heartbeat'), ...secrets.map(({ bytes }) => bytes)]);
      assert.deepEqual(secrets.filter((_, i) => found[i]).map(({ name }) => name), [], path);
      // The search finds what is there: the application is in its guest's memory and on its disk.
      if (!path.endsWith('/device-state')) assert.equal(control, true);
    }
  });

  it('is unreadable when encrypted and the service is stopped, and for good without its key', async () => {
    const disk = await makeEncryptingDisk(6 * 1024);
    const dataDir = join(disk.root, 'data');
    const start = () => startService(dataDir, { TARDIGRADE_ENCRYPTION: '1' });
    let service = await start();
    try {
      const { accountId } = service.config;
      const outcome = await buildImage(service, 'flask', await service.upload('flask.zip', await zipFolder(FLASK_APP)), { hooks: FLASK_HOOKS });
      assert.equal(outcome.state, 'CREATED', outcome.log);
      const vm = await runVm(service, outcome.imageArn);
      const before = await vm.change();
      // Made in the guest, one in each answer: some of them are still in its memory when it is suspended.
      const secrets: string[] = [];
      for (let i = 0; i < 20; i++) secrets.push((await vm.state()).random);
      const vmDir = join(dataDir, 'microvms', vm.id);
      await vm.suspend();
      vm.http.close();
      // The guest's own secret is in its suspended memory, the application on its disk; on the host's disk is neither.
      const source = 'heartbeat_alive=heartbeat.poll()';
      const found = await findIn(join(vmDir, 'suspension', 'pages'), secrets.map((secret) => Buffer.from(secret)));
      assert.ok(found.includes(true));
      assert.deepEqual(await findIn(join(dataDir, 'images', accountId, 'flask', '1.0', 'disk.raw'), [Buffer.from(source)]), [true]);
      assert.deepEqual(await disk.holding([...secrets, source]), []);
      await assert.rejects(destroyKeyOf({ accountId, yes: true }, service.config), /another Tardigrade serves/);

      await stop(service);
      for (const folder of [vmDir, join(dataDir, 'images', accountId, 'flask', '1.0')]) {
        const names = await readdir(folder);
        assert.ok(names.length > 0);
        for (const name of ['suspension', 'console.log', 'disk.raw', 'template']) assert.ok(!names.includes(name), `${name} has no readable name`);
      }

      service = await start();
      await service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id }));
      await reaches(service, vm.id, 'RUNNING');
      const state = await stateOf(service, vm.id);
      assert.deepEqual([state.counter, state.disk, state.pid], [before.counter, before.disk, before.pid]);

      await stop(service);
      await destroyKeyOf({ accountId, yes: true }, service.config);
      service = await start();
      await assert.rejects(service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: vm.id })));
      const left = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: vm.id }));
      assert.deepEqual([left.state, /could not be resumed/.test(left.stateReason ?? '')], ['SUSPENDED', true], left.stateReason);
      await service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: vm.id }));
      await reaches(service, vm.id, 'TERMINATED');
      await service.microvms.send(new DeleteMicrovmImageCommand({ imageIdentifier: outcome.imageArn }));
      await gone(service, outcome.imageArn);
      assert.deepEqual(await readdir(join(dataDir, 'images', accountId)), []);
      assert.deepEqual(await readdir(join(dataDir, 'microvms')), []);
    } finally {
      await stop(service);
      await disk.remove();
    }
  });
});

async function stop(service: Service): Promise<void> {
  service.microvms.destroy();
  service.s3.destroy();
  await service.daemon.close();
}

async function stateOf(service: Service, id: string): Promise<AppState> {
  const { endpoint } = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }));
  const http = endpointClient(endpoint ?? '', service.daemon.caFile, await tokenFor(service, id, 8080));
  try {
    const answer = await http.send('/state', { method: 'GET' });
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body) as AppState;
  } finally {
    http.close();
  }
}

async function gone(service: Service, imageIdentifier: string): Promise<void> {
  for (;;) {
    const image = await service.microvms.send(new GetMicrovmImageCommand({ imageIdentifier })).catch((error: unknown) => (error as Error).name);
    if (image === 'ResourceNotFoundException') return;
    assert.notEqual(typeof image === 'string' ? image : image.state, 'DELETE_FAILED');
    await pause(50);
  }
}

interface Access {
  readonly path: string;
  readonly mode: number;
  readonly gid: number;
}

async function accessOf(path: string): Promise<Access> {
  const { mode, gid } = await stat(path);
  return { path, mode: mode & 0o777, gid };
}

async function modes(dir: string): Promise<Access[]> {
  const found = [await accessOf(dir)];
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...(await modes(path)));
    else if (entry.isFile()) found.push(await accessOf(path));
  }
  return found;
}

/** Keys as they are on disk and as a program would hold them: in raw form, or as text. */
async function daemonSecrets(service: Service): Promise<{ name: string; bytes: Buffer }[]> {
  const { dataDir } = service.config;
  const secrets = [{ name: 'secret access key', bytes: Buffer.from(service.daemon.credentials.secretAccessKey) }, { name: 'access key id', bytes: Buffer.from(service.daemon.credentials.accessKeyId) }];
  for (const { path } of await modes(join(dataDir, 'keys'))) {
    if (!(await stat(path)).isFile()) continue;
    const content = await readFile(path);
    if (content.includes('PRIVATE KEY')) {
      const body = content.toString().split('\n').filter((line) => line !== '' && !line.startsWith('---'));
      // A line with key material of its own: the first are of the algorithm.
      const line = body.at(-2) ?? body.at(-1) ?? '';
      secrets.push({ name: path, bytes: Buffer.from(line) }, { name: `${path}, decoded`, bytes: Buffer.from(body.join(''), 'base64').subarray(-32) });
    } else if (!content.includes('CERTIFICATE')) {
      const texts = /"(?:k|d|key|secret)"\s*:\s*"([^"]{16,})"/g;
      const found = [...content.toString('latin1').matchAll(texts)].map((match) => Buffer.from(match[1] ?? ''));
      for (const bytes of found.length > 0 ? found : [content]) secrets.push({ name: path, bytes });
      for (const text of found) secrets.push({ name: `${path}, decoded`, bytes: Buffer.from(text.toString(), 'base64url') });
    }
  }
  return secrets;
}
