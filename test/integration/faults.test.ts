/**
 * The daemon, or a VMM, is killed by SIGKILL at every named step of build, run, suspend, resume and terminate. After a
 * restart each MicroVM is in the state its user was told of, or on the way there, with what it had acknowledged; and of
 * those that ended nothing is on the host.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { GetMicrovmCommand, ListMicrovmsCommand, ResumeMicrovmCommand, RunMicrovmCommand, SuspendMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { buildImage, finished, FLASK_APP, FLASK_HOOKS, startBuild } from './support/images.js';
import { type Faulty, startFaulty } from './support/faults.js';
import type { Fault } from './support/faulty-daemon.js';
import { type AppState, tokenFor } from './support/microvms.js';
import { closeShared, newDataDir } from './support/service.js';

const RUN = ['run-recorded', 'run-linked', 'overlay-made', 'vmm-spawned', 'vmm-listens', 'pages-laid', 'state-loaded', 'run-launched', 'run-awake', 'run-hook-answered', 'running-recorded'];
const SUSPEND = ['suspending-recorded', 'suspend-hook-answered', 'guest-stopped', 'state-saved', 'pages-written', 'suspension-in-place', 'vmm-ended', 'suspended-recorded', 'suspend-link-released'];
const RESUME = ['resume-linked', 'overlay-made', 'vmm-spawned', 'vmm-listens', 'pages-laid', 'state-loaded', 'resume-launched', 'resume-awake', 'resume-hook-answered', 'resumed-recorded', 'suspension-released'];
const TERMINATE = ['terminating-recorded', 'terminate-hook-answered', 'terminate-released', 'terminate-folder-removed'];
const BUILD = ['fetch', 'build', 'boot', 'ready', 'snapshot', 'validate', 'tidy', 'done'].map((step) => `build-${step}`);
/** Where there is a VMM to kill, and what becomes of the MicroVM. */
const between = (steps: readonly string[], from: string, to: string): string[] => steps.slice(steps.indexOf(from), steps.indexOf(to) + 1);

const NOTHING = { namespaces: 0, links: 0, taps: 0, mounts: 0, loops: 0, vmms: 0, vmFolders: 0 };
const POLICY = { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: true };

describe('faults', () => {
  let faulty: Faulty;
  let image: string;
  let dataDir: string;
  let zip: Buffer;
  let tokens = 0;

  before(async () => {
    await closeShared('now'); // this suite counts everything on the host
    dataDir = await newDataDir();
    faulty = await startFaulty(dataDir);
    zip = await zipFolder(FLASK_APP);
    const outcome = await buildImage(faulty.service, 'flask', await faulty.service.upload('flask.zip', zip), { hooks: FLASK_HOOKS });
    assert.equal(outcome.state, 'CREATED', outcome.log);
    image = outcome.imageArn;
  });
  after(async () => {
    await faulty.close('suspend');
    await rm(dataDir, { recursive: true, force: true });
  });

  const microvm = (step: string, kill: Fault['kill']): Fault => ({ step, of: 'microvm-', kill });
  const get = async (id: string) => faulty.service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }));
  const run = async (clientToken = `token-${++tokens}`): Promise<string> =>
    (await faulty.service.microvms.send(new RunMicrovmCommand({ imageIdentifier: image, idlePolicy: POLICY, runHookPayload: 'payload', clientToken }))).microvmId ?? '';
  const reaches = async (id: string, ...wanted: string[]): Promise<string> => {
    for (;;) {
      const { state = '', stateReason } = await get(id);
      if (wanted.includes(state)) return state;
      assert.notEqual(state, 'TERMINATED', `${id} ended: ${stateReason ?? ''}`);
      await pause(20);
    }
  };
  const app = async (id: string, method: 'GET' | 'POST' = 'GET'): Promise<AppState> => {
    const { endpoint } = await get(id);
    const http = endpointClient(endpoint ?? '', faulty.service.daemon.caFile, await tokenFor(faulty.service, id, 8080));
    try {
      const answer = await http.send('/state', { method });
      assert.equal(answer.status, 200, answer.body);
      return JSON.parse(answer.body) as AppState;
    } finally {
      http.close();
    }
  };
  /** A running MicroVM with two acknowledged changes. */
  const changed = async (): Promise<string> => {
    const id = await run();
    await app(id, 'POST');
    await app(id, 'POST');
    return id;
  };
  const suspended = async (): Promise<string> => {
    const id = await changed();
    await suspend(id);
    await reaches(id, 'SUSPENDED');
    return id;
  };
  const suspend = async (id: string) => faulty.service.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: id }));
  const resume = async (id: string) => faulty.service.microvms.send(new ResumeMicrovmCommand({ microvmIdentifier: id }));
  const intact = async (id: string): Promise<void> => {
    const { counter, disk, tmpfs, descriptor, heartbeat_alive } = await app(id);
    assert.deepEqual({ counter, disk, tmpfs, descriptor, heartbeat_alive }, { counter: 2, disk: 2, tmpfs: 2, descriptor: 2, heartbeat_alive: true });
  };
  const terminate = async (id: string): Promise<void> => {
    await faulty.service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
    await reaches(id, 'TERMINATED');
    assert.deepEqual(await faulty.leftovers(), NOTHING);
  };
  const endedWithReason = async (id: string, reason: RegExp): Promise<void> => {
    await reaches(id, 'TERMINATED');
    assert.match((await get(id)).stateReason ?? '', reason);
    assert.deepEqual(await faulty.leftovers(), NOTHING);
  };
  /** A request whose answer may never come, as the daemon dies meanwhile. */
  const unanswered = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => error);
  const diesAt = async (step: string, work: () => Promise<unknown>): Promise<void> => {
    faulty.arm(microvm(step, 'daemon'));
    const asked = unanswered(work());
    await faulty.died();
    await asked;
    await faulty.restart();
  };
  const losesVmmAt = async (step: string, work: () => Promise<unknown>): Promise<void> => {
    faulty.arm(microvm(step, 'vmm'));
    const struck = faulty.struck();
    await Promise.all([struck, unanswered(work())]);
  };

  for (const step of RUN) {
    it(`run: the daemon dies at ${step}`, async () => {
      const token = `token-${++tokens}`;
      await diesAt(step, () => run(token));
      const id = await run(token); // asked again, as a client does that got no answer
      await reaches(id, 'RUNNING');
      const { items } = await faulty.service.microvms.send(new ListMicrovmsCommand({}));
      assert.deepEqual(items?.filter(({ state }) => state !== 'TERMINATED').map(({ microvmId }) => microvmId), [id], 'one, and one only');
      assert.deepEqual((await app(id)).run, { microvmId: id, runHookPayload: 'payload' });
      await terminate(id);
    });
  }

  for (const step of SUSPEND) {
    it(`suspend: the daemon dies at ${step}`, async () => {
      const id = await changed();
      await diesAt(step, () => suspend(id));
      await reaches(id, 'SUSPENDED');
      await intact(id);
      await terminate(id);
    });
  }

  for (const step of RESUME) {
    it(`resume: the daemon dies at ${step}`, async () => {
      const id = await suspended();
      await diesAt(step, () => resume(id));
      await reaches(id, 'SUSPENDED', 'RUNNING');
      await intact(id);
      await terminate(id);
    });
  }

  for (const step of TERMINATE) {
    it(`terminate: the daemon dies at ${step}`, async () => {
      const id = await changed();
      await diesAt(step, () => faulty.service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id })));
      await endedWithReason(id, /^Success\.$/);
    });
  }

  for (const step of between(RUN, 'vmm-spawned', 'running-recorded')) {
    it(`run: the VMM dies at ${step}`, async () => {
      let id = '';
      await losesVmmAt(step, async () => (id = await run()));
      await endedWithReason(id, /could not be launched|ended unexpectedly/);
    });
  }

  for (const step of between(SUSPEND, 'suspending-recorded', 'suspension-in-place')) {
    it(`suspend: the VMM dies at ${step}`, async () => {
      const id = await changed();
      await losesVmmAt(step, () => suspend(id));
      // Once the pages are copied the VMM is not needed any more.
      if (!['pages-written', 'suspension-in-place'].includes(step)) return endedWithReason(id, /ended unexpectedly/);
      await reaches(id, 'SUSPENDED');
      await intact(id);
      await terminate(id);
    });
  }

  for (const step of between(RESUME, 'vmm-spawned', 'resume-hook-answered')) {
    it(`resume: the VMM dies at ${step}`, async () => {
      const id = await suspended();
      await losesVmmAt(step, () => resume(id));
      await reaches(id, 'SUSPENDED');
      assert.match((await get(id)).stateReason ?? '', /could not be resumed and is suspended as before/);
      await intact(id);
      assert.equal((await get(id)).stateReason, undefined);
      await terminate(id);
    });
  }

  for (const step of between(TERMINATE, 'terminating-recorded', 'terminate-hook-answered')) {
    it(`terminate: the VMM dies at ${step}`, async () => {
      const id = await changed();
      await losesVmmAt(step, () => faulty.service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id })));
      await endedWithReason(id, /^Success\.$/);
    });
  }

  for (const step of BUILD) {
    it(`build: the daemon dies at ${step}`, async () => {
      const { service } = faulty;
      const name = `again-${step}`;
      faulty.arm({ step, of: '', kill: 'daemon' });
      const asked = unanswered(startBuild(service, name, 's3://artifacts/flask.zip', { hooks: FLASK_HOOKS }));
      await faulty.died();
      await asked;
      await faulty.restart();
      const outcome = await finished(faulty.service, name);
      assert.equal(outcome.state, 'CREATED', outcome.log);
      assert.deepEqual(await faulty.leftovers(), NOTHING);
    });
  }

  it('running ones go on under the next daemon, which knows their traffic and their end', async () => {
    const ids = [await changed(), await changed()];
    await faulty.kill();
    await faulty.restart();
    for (const id of ids) {
      assert.equal((await get(id)).state, 'RUNNING');
      await intact(id);
    }
    await faulty.close('keep');
    await faulty.restart();
    for (const id of ids) await intact(id);
    await suspend(ids[0] ?? '');
    await reaches(ids[0] ?? '', 'SUSPENDED');
    await intact(ids[0] ?? '');
    for (const id of ids) await faulty.service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
    for (const id of ids) await reaches(id, 'TERMINATED');
    assert.deepEqual(await faulty.leftovers(), NOTHING);
  });
});
