/**
 * The package as it is installed, run as its systemd unit runs it: sockets and readiness by the service manager's
 * protocol, the unit's capabilities, no compiler on the path, settings from a file. Then its backup, on a folder that is lost.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GetMicrovmCommand, LambdaMicrovmsClient, ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import { S3Client } from '@aws-sdk/client-s3';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { loadConfig } from '../../src/config/config.js';
import { listeningSocket, notifySocket } from '../support/service-manager.js';
import { packCheckout, ROOT } from '../support/package.js';
import { buildImage, FLASK_APP } from './support/images.js';
import { reaches, reconnect, type RunningVm, runVm } from './support/microvms.js';
import { BUCKET, closeShared, type Service } from './support/service.js';

const run = promisify(execFile);

describe('the installed package', () => {
  let work = '';
  let program = '';
  let daemon: ChildProcess | undefined;
  let service: Service;
  let imageArn = '';
  let suspended: RunningVm;
  let left: RunningVm;
  const [api, endpoint] = [listeningSocket(), listeningSocket()];
  let manager: ReturnType<typeof notifySocket>;
  /** As the unit's, without this checkout's settings, and with a Go that does not work. */
  const environment = (): NodeJS.ProcessEnv => ({ PATH: `${work}/bin:${process.env['PATH'] ?? ''}`, HOME: work, TARDIGRADE_CONFIG: join(work, 'config.yaml') });
  const tardigrade = (...args: string[]) => run(process.execPath, [program, ...args], { env: environment() });

  async function start(): Promise<void> {
    const unit = await readFile(join(ROOT, 'packaging/systemd/tardigrade.service'), 'utf8');
    const capabilities = (/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1] ?? '').split(' ').map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
    const child = spawn('sh', ['-c', 'LISTEN_PID=$$ exec setpriv --no-new-privs "--bounding-set=$0" "$@"', ['-all', ...capabilities].join(','), process.execPath, program, 'serve'], {
      env: { ...environment(), NOTIFY_SOCKET: join(work, 'notify'), LISTEN_FDS: '2', LISTEN_FDNAMES: 'api:endpoint' }, stdio: ['ignore', 'ignore', 'inherit', api.fd, endpoint.fd],
    });
    daemon = child;
    let told = '';
    while (!told.includes('READY=1')) {
      assert.equal(child.exitCode, null, 'the daemon ended');
      told += manager.received().join('\n');
      await pause(20);
    }
    assert.match(told, new RegExp(`API on http://127\\.0\\.0\\.1:${api.port}, endpoints on port ${endpoint.port}`));
  }

  async function stop(signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
    assert.ok(daemon !== undefined);
    const exit = once(daemon, 'exit');
    daemon.kill(signal);
    assert.deepEqual(await exit, [0, null]);
    assert.match(manager.received().join('\n'), /STOPPING=1/);
  }

  before(async () => {
    await closeShared('now');
    work = await realpath(await mkdtemp(join(tmpdir(), 'tdg-installed-')));
    const archive = await packCheckout(work);
    await run('tar', ['--extract', '--file', archive, '--directory', work]);
    // What npm would install; its test is test/unit/packaging/npm.test.ts.
    await symlink(join(ROOT, 'node_modules'), join(work, 'package/node_modules'));
    program = join(work, 'package/dist/cli/main.js');
    await mkdir(join(work, 'bin'));
    await writeFile(join(work, 'bin/go'), '#!/bin/sh\necho "there is no Go here" >&2\nexit 1\n');
    await chmod(join(work, 'bin/go'), 0o755);
    await writeFile(join(work, 'config.yaml'), `dataDir: ${work}/data\nassetsDir: ${loadConfig().assetsDir}\nunlimited: true\napi:\n  port: ${api.port}\nendpoint:\n  port: ${endpoint.port}\nlog:\n  level: error\n`);
    manager = notifySocket(join(work, 'notify'));
  });
  after(async () => {
    if (daemon?.exitCode === null) await stop('SIGINT');
    manager.close();
    api.close();
    endpoint.close();
    await rm(work, { recursive: true, force: true });
  });

  it('serves: an image is built and run', { timeout: 400_000 }, async () => {
    await start();
    assert.equal((await fetch(`http://127.0.0.1:${api.port}/health`)).status, 200);
    const config = loadConfig({ TARDIGRADE_DATA_DIR: join(work, 'data'), TARDIGRADE_API_PORT: String(api.port), TARDIGRADE_ENDPOINT_PORT: String(endpoint.port) });
    const variables = new Map([...(await tardigrade('env')).stdout.matchAll(/^export (\w+)='(.*)'$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
    const client = { endpoint: variables.get('AWS_ENDPOINT_URL') ?? '', region: config.region, credentials: { accessKeyId: variables.get('AWS_ACCESS_KEY_ID') ?? '', secretAccessKey: variables.get('AWS_SECRET_ACCESS_KEY') ?? '' } };
    const s3 = new S3Client({ ...client, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'flask.zip', Body: await zipFolder(FLASK_APP) }));
    service = { config, s3, microvms: new LambdaMicrovmsClient(client), daemon: { caFile: variables.get('TARDIGRADE_CA_FILE') } as Service['daemon'], upload: (key) => Promise.resolve(`s3://${BUCKET}/${key}`) };
    const image = await buildImage(service, 'flask', `s3://${BUCKET}/flask.zip`, { hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 } } });
    assert.equal(image.state, 'CREATED', image.log);
    ({ imageArn } = image);
    [suspended, left] = [await runVm(service, imageArn), await runVm(service, imageArn)];
    await suspended.change();
    await left.change();
  });

  it('restarts without losing a connection or a MicroVM', { timeout: 120_000 }, async () => {
    left.http.close();
    suspended.http.close();
    service.microvms.destroy();
    await stop('SIGTERM');
    // Nobody is there: systemd's socket lets them wait.
    const waiting = Promise.all(Array.from({ length: 10 }, () => service.microvms.send(new ListMicrovmsCommand({}))));
    await start();
    for (const { items } of await waiting) assert.deepEqual(items?.map(({ state }) => state), ['RUNNING', 'RUNNING']);
    [suspended, left] = [await reconnect(service, suspended.id), await reconnect(service, left.id)];
    assert.equal((await suspended.change()).counter, 2);
    assert.equal((await left.state()).counter, 1);
  });

  it('is backed up while it serves, and restored where nothing was left', { timeout: 240_000 }, async () => {
    const archive = join(work, 'backup.tar.zst');
    await suspended.suspend();
    const { stdout } = await tardigrade('backup', archive);
    assert.match(stdout, /1 versions of images, 1 suspended MicroVMs/);
    assert.match(stdout, new RegExp(`Not in it are 1 MicroVMs.*${left.id}`));
    // What happens afterwards is not in it.
    assert.equal((await suspended.change()).counter, 3);
    left.http.close();
    suspended.http.close();
    service.microvms.destroy();
    await stop('SIGINT');
    await rm(join(work, 'data'), { recursive: true });

    const restored = await tardigrade('restore', archive);
    assert.match(restored.stdout, /They need QEMU/);
    await start();
    assert.equal((await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: left.id }))).state, 'TERMINATED');
    assert.equal((await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: suspended.id }))).state, 'SUSPENDED');
    suspended = await reconnect(service, suspended.id);
    const state = await suspended.state();
    assert.deepEqual([state.counter, state.disk, state.tmpfs, state.descriptor, state.heartbeat_alive], [2, 2, 2, 2, true], 'memory, disk, tmpfs, a descriptor and a process');
    const fresh = await runVm(service, imageArn);
    assert.equal((await fresh.change()).counter, 1, 'the image launches');
    await fresh.terminate();
    await suspended.terminate();
    await reaches(service, suspended.id, 'TERMINATED');
    service.microvms.destroy();
    service.s3.destroy();
    await stop('SIGINT');
  });
});
