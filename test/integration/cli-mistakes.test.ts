/** Mistakes that need a guest, or a host that lacks something: each is told with what mends it. The others: test/conformance/cli-mistakes.test.ts */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runCli, type CliResult } from './support/cli.js';
import { runVm, type RunningVm } from './support/microvms.js';
import { startHarness, key } from '../conformance/harness.js';
import { cli } from '../unit/cli/support/run.js';
import { closeShared, type Service, sharedService } from './support/service.js';

const FROM = 'FROM public.ecr.aws/lambda/microvms:al2023-minimal\n';
const run = promisify(execFile);

describe('mistakes with guests', () => {
  let service: Service;
  let dir: string;
  let vm: RunningVm;
  before(async () => {
    service = await sharedService();
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-mistakes-'));
    await folder('listens', `${FROM}CMD ["python3", "-m", "http.server", "5000"]\n`);
    await folder('silent', `${FROM}CMD ["sleep", "1000"]\n`);
    await folder('broken', `${FROM}RUN apt-get instal curl\n`);
    const built = await typed('image', 'build', join(dir, 'listens'), '--memory', '512', '--quiet');
    assert.equal(built.code, 0, built.stderr);
    vm = await runVm(service, `arn:aws:lambda:us-east-1:${service.config.accountId}:microvm-image:listens`, { idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: false } });
  });
  after(async () => {
    await rm(dir, { recursive: true, force: true });
    await closeShared();
  });

  async function folder(name: string, dockerfile: string): Promise<void> {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'Dockerfile'), dockerfile);
  }
  const typed = (...args: string[]): Promise<CliResult> => runCli(service, args);
  function told(outcome: { code: number | null; stderr: string }, code: number, says: RegExp, mends: RegExp): void {
    assert.match(outcome.stderr, says);
    assert.match(outcome.stderr, mends);
    assert.equal(outcome.code, code, outcome.stderr);
  }

  it('wrong port', async () => {
    const right = await typed('curl', vm.id, '/', '--port', '5000');
    assert.equal(right.code, 0, right.stderr);
    assert.match(right.stdout.toString(), /Directory listing/);
    told(await typed('curl', vm.id), 5, /APP_CONNECT_FAILED: nothing in MicroVM .* listens on port 8080/, /--port <port>[^]*tardigrade logs/);
  });

  it('application on no port', async () => {
    assert.equal((await typed('image', 'build', join(dir, 'silent'), '--memory', '512', '-q')).code, 0);
    assert.equal((await typed('run', 'silent')).code, 0);
    told(await typed('curl', 'silent'), 5, /nothing in MicroVM .* listens on port 8080/, /see whether it started, and where it listens: tardigrade logs/);
    assert.equal((await typed('rm', 'silent')).code, 0);
    const ready = await typed('image', 'build', join(dir, 'silent'), '--name', 'unheard', '--memory', '512', '-q', '--hook', 'ready=2', '--hook-port', '9000');
    told(ready, 8, /the build of unheard:1\.0 failed after .*: Ready hook invocation timed out/, /must answer POST .*\/runtime\/v1\/<hook>/);
  });

  it('bad Dockerfile', async () => {
    const outcome = await typed('image', 'build', join(dir, 'broken'));
    told(outcome, 8, /the build of broken:1\.0 failed after .*: CONTAINER_BUILD_FAILED/, /mend the line of the Dockerfile[^]*tardigrade logs broken/);
    assert.match(outcome.stderr, /Invalid operation instal/, 'the log was shown');
  });

  it('MicroVM suspended, and no request resumes it', async () => {
    assert.equal((await typed('suspend', vm.id)).code, 0);
    told(await typed('curl', vm.id, '--port', '5000'), 6, /is SUSPENDED and does not resume by itself/, /tardigrade resume /);
    assert.equal((await typed('resume', vm.id)).code, 0);
    assert.equal((await typed('curl', vm.id, '--port', '5000')).code, 0);
  });

  it('authority of the certificate not trusted', async () => {
    const { daemon, config } = service;
    const env = { AWS_ENDPOINT_URL: daemon.apiUrl, AWS_REGION: config.region, AWS_ACCESS_KEY_ID: daemon.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: daemon.credentials.secretAccessKey };
    told(await cli(['curl', vm.id, '--port', '5000'], env), 5, /certificate of the endpoint .* is not trusted/, /--ca-file <ca\.pem>, or TARDIGRADE_CA_FILE/);
    assert.equal((await cli(['curl', vm.id, '--port', '5000', '--ca-file', daemon.caFile ?? ''], env)).code, 0);
  });

  it('MicroVM that has ended', async () => {
    assert.equal((await typed('rm', vm.id)).code, 0);
    told(await typed('curl', vm.id, '--port', '5000'), 6, /is in state TERMINATED/, /tardigrade inspect/);
  });

  it('package that is missing', async () => {
    const config = { TARDIGRADE_DATA_DIR: join(dir, 'data'), TARDIGRADE_ASSETS_DIR: join(dir, 'assets'), TARDIGRADE_API_PORT: '0', TARDIGRADE_ENDPOINT_PORT: '0' };
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      told(await cli(['serve'], config), 1, /not found|not installed|is missing|cannot run/i, /apt-get install|apt install|npm run setup/);
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('no space on the server', async () => {
    const small = await mkdtemp(join(tmpdir(), 'tardigrade-small-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', small]);
    const temp = process.env['TMPDIR'];
    process.env['TMPDIR'] = small;
    const api = await startHarness();
    if (temp === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temp;
    try {
      await writeFile(join(dir, 'listens', 'large'), Buffer.from(Array.from({ length: 1024 * 1024 }, () => Math.floor(Math.random() * 256))));
      const env = { AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: 'us-east-1' };
      told(await cli(['image', 'build', join(dir, 'listens')], env), 1, /The server's disk is full/, /free space in its data folder/);
    } finally {
      await api.close();
      await run('umount', [small]);
      await rm(small, { recursive: true });
    }
  });
});
