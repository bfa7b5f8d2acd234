import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ObjectError } from '../../../src/aws/contracts.js';
import { ContainerBuildError } from '../../../src/builder/contracts.js';
import { GuestAgentError } from '../../../src/guest/contracts.js';
import { BUILD_LIMITS } from '../../../src/images/limits.js';
import type { CreateImageInput } from '../../../src/images/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import { CONFIG, type Fakes } from './support/fakes.js';
import { rawZip } from './support/raw-zip.js';
import { scratch } from './support/scratch.js';
import { arnOf, assertFailed, assertReleased, buildImage, exists, input, outcome, until, WHO, withHooks, world } from './support/world.js';
import { untilAborted } from '../../support/until-aborted.js';

const ready = input('app', withHooks('ENABLED'));
const validating = input('app', withHooks('ENABLED', 'ENABLED'));
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const brokenWhenAborted = (signal: AbortSignal): Promise<never> => untilAborted(signal, new Error('a connection was reset'));

interface Case {
  readonly what: string;
  readonly request?: CreateImageInput;
  readonly arrange: (fakes: Fakes) => void;
  readonly reason: RegExp;
  /** Did the container build, so that its size is shown? */
  readonly built: boolean;
}

const s3 = (code: 'NoSuchBucket' | 'NoSuchKey' | 'AccessDenied' | 'InvalidObjectState') => (fakes: Fakes) => {
  fakes.open = () => Promise.reject(new ObjectError(code, 'as S3 says'));
};

const cases: readonly Case[] = [
  { what: 'no such bucket', arrange: s3('NoSuchBucket'), reason: /^S3_NO_SUCH_BUCKET: s3:\/\/bkt\/code\.zip cannot be read: as S3 says$/, built: false },
  { what: 'no such key', arrange: s3('NoSuchKey'), reason: /^S3_NO_SUCH_KEY: /, built: false },
  { what: 'access denied', arrange: s3('AccessDenied'), reason: /^S3_ACCESS_DENIED: /, built: false },
  { what: 'an archived object', arrange: s3('InvalidObjectState'), reason: /^S3_INVALID_OBJECT: /, built: false },
  { what: 'a broken object store', arrange: (f) => (f.open = () => Promise.reject(new Error('disk on fire'))), reason: /^INTERNAL_PLATFORM_ERROR: .*reading the code artifact: disk on fire/, built: false },
  { what: 'a corrupt zip', arrange: (f) => (f.zip = f.zip.subarray(0, -30)), reason: /^ARCHIVE_INVALID: /, built: false },
  { what: 'a zip without Dockerfile', arrange: (f) => (f.zip = rawZip([{ name: 'x' }])), reason: /^ARCHIVE_DOCKERFILE_NOT_FOUND: /, built: false },
  {
    what: 'a failing RUN',
    arrange: (f) => (f.run = () => Promise.reject(new ContainerBuildError('CONTAINER_BUILD_FAILED', 'RUN false: exit status 1'))),
    reason: /^CONTAINER_BUILD_FAILED: The container image build failed\. RUN false: exit status 1$/, built: false,
  },
  { what: 'a full disk in the builder', arrange: (f) => (f.run = () => Promise.reject(new ContainerBuildError('DISK_STORAGE_FULL', '8 GiB are full'))), reason: /^DISK_STORAGE_FULL: 8 GiB are full$/, built: false },
  { what: 'a full disk on the host', arrange: (f) => (f.boot = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))), reason: /^DISK_STORAGE_FULL: The host's disk is full while starting the virtual machine/, built: true },
  { what: 'a builder that breaks', arrange: (f) => (f.run = () => Promise.reject(new Error('no template'))), reason: /^INTERNAL_PLATFORM_ERROR: .*building the container image: no template/, built: false },
  { what: 'nothing to start', arrange: (f) => (f.run = () => Promise.resolve({ ...CONFIG, entrypoint: [], cmd: [] })), reason: /^CONTAINER_BUILD_FAILED: .*neither ENTRYPOINT nor CMD/, built: false },
  { what: 'a VM that does not boot', arrange: (f) => (f.boot = () => Promise.reject(new Error('no kernel'))), reason: /^INTERNAL_PLATFORM_ERROR: .*starting the virtual machine: no kernel/, built: true },
  { what: 'an agent that never answers', arrange: (f) => (f.waitUntilUp = (_, signal) => brokenWhenAborted(signal)), reason: /^INTERNAL_PLATFORM_ERROR: The guest agent did not answer within 0\.02 seconds/, built: true },
  {
    what: 'a VM that dies while booting',
    arrange: (f) => (f.waitUntilUp = (agent) => {
      agent.vm.crash('kernel panic');
      return never();
    }),
    reason: /^INTERNAL_PLATFORM_ERROR: The virtual machine ended unexpectedly \(exit code 1\): kernel panic/, built: true,
  },
  { what: 'an entrypoint that does not exist', arrange: (f) => (f.start = () => Promise.reject(new GuestAgentError('no such file: python3'))), reason: /^CONTAINER_BUILD_FAILED: The application could not be started: no such file: python3$/, built: true },
  {
    what: 'an entrypoint that exits at once',
    arrange: (f) => (f.start = (agent) => Promise.resolve(agent.exit(3))),
    reason: /^CONTAINER_BUILD_FAILED: Container Stopped with Exit Code: 3$/, built: true,
  },
  {
    what: 'an entrypoint that exits while /ready is tried',
    request: ready,
    arrange: (f) => (f.hook = (_, agent) => {
      agent.exit(0);
      return never();
    }),
    reason: /^CONTAINER_BUILD_FAILED: Container Stopped with Exit Code: 0$/, built: true,
  },
  { what: 'a /ready that never answers 200', request: ready, arrange: (f) => (f.hook = () => Promise.resolve({ kind: 'timeout', last: 'connection refused' })), reason: /^Ready hook invocation timed out after PT1M30S$/, built: true },
  { what: 'a /ready that answers 404', request: ready, arrange: (f) => (f.hook = () => Promise.resolve({ kind: 'status', status: 404 })), reason: /^Ready hook check failed: the application returned a client error \(HTTP 4xx\) response$/, built: true },
  { what: 'a /ready that answers 500', request: ready, arrange: (f) => (f.hook = () => Promise.resolve({ kind: 'status', status: 500 })), reason: /^Ready hook check failed: the application returned a server error \(HTTP 5xx\) response$/, built: true },
  { what: 'a /ready that answers 302', request: ready, arrange: (f) => (f.hook = () => Promise.resolve({ kind: 'status', status: 302 })), reason: /^Ready hook check failed: the application returned an unexpected \(HTTP 302\) response$/, built: true },
  {
    what: 'an agent that vanishes',
    request: ready,
    arrange: (f) => (f.hook = (_, agent) => {
      agent.breakOff();
      return never();
    }),
    reason: /^INTERNAL_PLATFORM_ERROR: The connection to the guest agent was lost/, built: true,
  },
  { what: 'a snapshot that fails', arrange: (f) => (f.snapshot = () => Promise.reject(new Error('migration failed'))), reason: /^INTERNAL_PLATFORM_ERROR: .*taking the snapshot: migration failed/, built: true },
  {
    what: 'a /validate that times out',
    request: validating,
    arrange: (f) => (f.hook = ({ hook }) => Promise.resolve(hook === 'ready' ? { kind: 'ok' } : { kind: 'timeout', last: 'HTTP 503' })),
    reason: /^Validate hook invocation timed out after PT30S$/, built: true,
  },
  {
    what: 'a clone whose application exits',
    request: validating,
    arrange: (f) => (f.hook = ({ hook }, agent) => {
      if (hook === 'ready') return Promise.resolve({ kind: 'ok' });
      agent.exit(9);
      return never();
    }),
    reason: /^CONTAINER_BUILD_FAILED: Container Stopped with Exit Code: 9$/, built: true,
  },
];

for (const { what, request, arrange, reason, built } of cases) {
  test(`${what}: the build fails with its reason, and nothing is left`, async (t) => {
    const w = await world(t, { limits: { agentUpMs: 20 } });
    arrange(w.fakes);
    const end = await buildImage(w, request);
    await assertFailed(w, end, reason);
    assert.deepEqual(end.build.snapshotBuild, built ? { codeInstallSizeInBytes: 4242 } : undefined);
  });
}

test('the log tells what the last try of a hook met', async (t) => {
  const w = await world(t);
  w.fakes.hook = () => Promise.resolve({ kind: 'timeout', last: 'connection refused' });
  const end = await buildImage(w, ready);
  assert.ok(end.lines.some((line) => line.includes('the last try met: connection refused')), end.lines.join('\n'));
});

test('a VM that cannot be stopped does not keep its link or the folder', async (t) => {
  const w = await world(t);
  w.fakes.failStop = true;
  w.fakes.hook = () => Promise.resolve({ kind: 'status', status: 400 });
  await assertFailed(w, await buildImage(w, ready), /4xx/);
});

test('a Dockerfile that never ends is stopped by the time limit, as the container\'s failure', async (t) => {
  const w = await world(t, { limits: { totalMs: 50 } });
  w.fakes.run = ({ signal }) => brokenWhenAborted(signal);
  await assertFailed(w, await buildImage(w), /^CONTAINER_BUILD_FAILED: The build took longer than .* at the step build/);
});

test('a hook that never returns is stopped by the time limit, and its call is aborted', async (t) => {
  const w = await world(t, { limits: { totalMs: 100 } });
  w.fakes.hook = () => never();
  await assertFailed(w, await buildImage(w, ready), /^INTERNAL_PLATFORM_ERROR: The build took longer than .* at the step ready/);
  assert.equal(w.fakes.hookCalls[0]?.signal?.aborted, true);
});

test('an artifact larger than allowed is refused', async (t) => {
  const w = await world(t, { limits: { archive: { ...BUILD_LIMITS.archive, maxArchiveBytes: 10 } } });
  await assertFailed(w, await buildImage(w), /^ARCHIVE_INVALID: .*at most 10 bytes/);
});

test('a shutdown aborts running and waiting builds, releases all, and the next start begins them anew', async (t) => {
  for (const where of ['build', 'boot', 'ready'] as const) {
    await t.test(`at the step ${where}`, async (t) => {
      const w = await world(t, { concurrency: 1 });
      let reached = false;
      const stay = <T>(): Promise<T> => {
        reached = true;
        return never<T>();
      };
      if (where === 'build') w.fakes.run = ({ signal }) => ((reached = true), brokenWhenAborted(signal));
      if (where === 'boot') w.fakes.start = () => stay();
      if (where === 'ready') w.fakes.hook = () => stay();
      w.images.create(WHO, ready);
      w.images.create(WHO, input('waiting'));
      await until(() => reached);
      await w.images.shutdown();
      for (const name of ['app', 'waiting']) assert.equal(w.images.get(WHO, arnOf(name)).state, 'CREATING', name);
      assertReleased(w);
      const next = await world(t, { dataDir: w.dataDir, store: w.store });
      await next.images.start();
      for (const name of ['app', 'waiting']) assert.equal((await outcome(next, name)).image.state, 'CREATED', name);
      assertReleased(next);
    });
  }
});

test('a start begins anew what a dead daemon left: builds end well, deletions finish', async (t) => {
  const dataDir = await scratch(t);
  const store = openStore(join(dataDir, 'db.sqlite'));
  t.after(() => store.close());
  const dead = await world(t, { dataDir, store, concurrency: 1 });
  await buildImage(dead, input('done'));
  await buildImage(dead, input('leaving'));
  dead.fakes.run = ({ signal }) => brokenWhenAborted(signal);
  dead.images.create(WHO, input('running'));
  dead.images.create(WHO, input('queued'));
  await until(() => dead.fakes.requests.length === 3);
  store.updateImage(arnOf('leaving'), { state: 'DELETING' });

  const w = await world(t, { dataDir, store });
  await w.images.start();
  for (const name of ['running', 'queued']) assert.equal((await outcome(w, name)).image.state, 'CREATED', name);
  await until(() => store.getImage(arnOf('leaving')) === undefined);
  assert.equal(await exists(dataDir, 'images', WHO.accountId, 'leaving'), false);
  assert.equal(w.images.get(WHO, arnOf('done')).state, 'CREATED');
  assert.equal(await exists(dataDir, 'images', WHO.accountId, 'done', '1.0', 'disk.raw'), true);
});

test('a build that three daemons ended under is given up', async (t) => {
  const dataDir = await scratch(t);
  const store = openStore(join(dataDir, 'db.sqlite'));
  t.after(() => store.close());
  for (let attempt = 1; attempt <= 3; attempt++) {
    const dead = await world(t, { dataDir, store });
    dead.fakes.run = ({ signal }) => brokenWhenAborted(signal);
    if (attempt === 1) dead.images.create(WHO, input('poison'));
    else await dead.images.start();
    await until(() => dead.fakes.requests.length === 1);
  }
  const w = await world(t, { dataDir, store });
  await w.images.start();
  await assertFailed(w, await outcome(w, 'poison'), /^INTERNAL_PLATFORM_ERROR: The service ended 3 times during the build\.$/);
});
