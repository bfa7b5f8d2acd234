/** Images that cannot be: each ends CREATE_FAILED with the documented code, a log that names the cause, and no VM. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { CreateMicrovmImageCommand, RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { buildImage, zipFiles } from './support/images.js';
import { residue } from './support/residue.js';
import { BASE_IMAGE, closeShared, ROLE, type Service, sharedService } from './support/service.js';

const FROM = 'FROM public.ecr.aws/lambda/microvms:al2023-minimal\n';
const READY = { port: 9000, microvmImageHooks: { ready: 'ENABLED' as const, readyTimeoutInSeconds: 3 } };

describe('bad input', () => {
  after(() => closeShared());

  /** Builds `files` and expects the failure; answers nothing, as all is asserted. */
  async function fails(name: string, uri: (service: Service) => Promise<string>, reason: RegExp, log: RegExp, more = {}): Promise<void> {
    const service = await sharedService();
    const outcome = await buildImage(service, name, await uri(service), more);
    assert.equal(outcome.state, 'CREATE_FAILED');
    assert.equal(outcome.build.buildState, 'FAILED');
    assert.match(outcome.build.stateReason ?? '', reason);
    assert.match(outcome.log, log);
    assert.equal((await residue(service)).vmms, 0, 'no VM is left running');
    await assert.rejects(service.microvms.send(new RunMicrovmCommand({ imageIdentifier: outcome.imageArn })), { name: 'ResourceNotFoundException' });
  }
  const files = (name: string, content: Record<string, string>) => async (service: Service) => service.upload(`${name}.zip`, await zipFiles(content));

  it('missing S3 key and bucket', async () => {
    const service = await sharedService();
    await service.upload('present.zip', await zipFiles({ Dockerfile: FROM }));
    await fails('no-key', () => Promise.resolve('s3://artifacts/absent.zip'), /^S3_NO_SUCH_KEY/, /absent\.zip/);
    await fails('no-bucket', () => Promise.resolve('s3://no-such-bucket/app.zip'), /^S3_NO_SUCH_BUCKET/, /no-such-bucket/);
  });
  it('missing Dockerfile', () => fails('no-dockerfile', files('no-dockerfile', { 'app.py': 'print(1)' }), /^ARCHIVE_DOCKERFILE_NOT_FOUND/, /Dockerfile/));
  it('corrupt zip', () => fails('corrupt', (service) => service.upload('corrupt.zip', Buffer.from('PK\x03\x04 this is no zip')), /^ARCHIVE_INVALID/, /ARCHIVE_INVALID/));
  it('failing RUN', () => fails('failing-run', files('failing-run', { Dockerfile: `${FROM}RUN echo about-to-fail && exit 7\n` }), /^CONTAINER_BUILD_FAILED: The container image build failed\./, /about-to-fail[^]*exit status 7/));
  it('unknown container base', () => fails('unknown-from', files('unknown-from', { Dockerfile: 'FROM localhost/no/such:base\n' }), /^CONTAINER_BUILD_FAILED/, /no\/such/));
  it('entrypoint that exits', () =>
    fails('exits', files('exits', { Dockerfile: `${FROM}CMD ["sh", "-c", "echo giving up; exit 3"]\n` }), /Container Stopped with Exit Code: 3/, /giving up/));
  it('application that never listens, so /ready never answers', () =>
    fails('deaf', files('deaf', { Dockerfile: `${FROM}CMD ["sleep", "1000"]\n` }), /^Ready hook invocation timed out after PT3S/, /ready/, { hooks: READY }));
  it('/ready that accepts and never answers', () =>
    fails('mute', files('mute', {
      'mute.py': 'import socket, time\ns = socket.create_server(("127.0.0.1", 9000))\nheld = []\nwhile True:\n    held.append(s.accept())\n',
      Dockerfile: `${FROM}COPY mute.py /\nCMD ["python3", "/mute.py"]\n`,
    }), /^Ready hook invocation timed out after PT3S/, /ready/, { hooks: READY }));

  it('unknown managed base image: refused before anything is made', async () => {
    const service = await sharedService();
    const create = (more: object) => service.microvms.send(new CreateMicrovmImageCommand({ name: 'never', baseImageArn: BASE_IMAGE, buildRoleArn: ROLE, codeArtifact: { uri: 's3://artifacts/b.zip' }, ...more }));
    const absent = 'arn:aws:lambda:us-east-1:aws:microvm-image:no-such';
    await assert.rejects(create({ baseImageArn: absent, baseImageVersion: '1' }), { name: 'ValidationException', message: `No managed MicroVM Image with arn ${absent} and version 1 is available` });
    await assert.rejects(create({ resources: [{ minimumMemoryInMiB: 600 }] }), { name: 'ValidationException', message: /600 MiB is not supported/ });
  });
});
