/** Images for tests: zips, builds and their outcome. */
import { fileURLToPath } from 'node:url';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type CreateMicrovmImageCommandInput, CreateMicrovmImageCommand, GetMicrovmImageCommand, ListMicrovmImageBuildsCommand, GetMicrovmImageBuildCommand, type GetMicrovmImageBuildCommandOutput,
} from '@aws-sdk/client-lambda-microvms';
import { ZipFile } from 'yazl';
import { zipFolder } from '../../../examples/quickstart/zip.js';
import { localLogs } from '../../../src/daemon/access.js';
import { BASE_IMAGE, ROLE, type Service, sharedService } from './service.js';

export const FLASK_APP = fileURLToPath(new URL('../../../examples/apps/flask', import.meta.url));

export async function zipFiles(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  return buffer(zip.outputStream);
}

export interface Outcome {
  readonly imageArn: string;
  readonly state: string;
  readonly build: GetMicrovmImageBuildCommandOutput;
  /** The build's log, all of it. */
  readonly log: string;
}

type More = Partial<CreateMicrovmImageCommandInput>;

/** Creates an image of 512 MiB. */
export async function startBuild(service: Service, name: string, uri: string, more: More = {}): Promise<void> {
  await service.microvms.send(new CreateMicrovmImageCommand({
    name, baseImageArn: BASE_IMAGE, buildRoleArn: ROLE, codeArtifact: { uri }, resources: [{ minimumMemoryInMiB: 512 }], ...more,
  }));
}

/** Creates an image of 512 MiB and waits for its end, good or bad. */
export async function buildImage(service: Service, name: string, uri: string, more: More = {}): Promise<Outcome> {
  await startBuild(service, name, uri, more);
  return finished(service, name);
}

/** The end of an image's first build. */
export async function finished(service: Service, name: string): Promise<Outcome> {
  const { microvms } = service;
  const imageIdentifier = `arn:aws:lambda:${service.config.region}:${service.config.accountId}:microvm-image:${name}`;
  let state = 'CREATING';
  while (state === 'CREATING') {
    await pause(100);
    state = (await microvms.send(new GetMicrovmImageCommand({ imageIdentifier }))).state ?? '';
  }
  const { items } = await microvms.send(new ListMicrovmImageBuildsCommand({ imageIdentifier, imageVersion: '1.0' }));
  const buildId = items?.[0]?.buildId ?? '';
  const build = await microvms.send(new GetMicrovmImageBuildCommand({ imageIdentifier, imageVersion: '1.0', buildId }));
  return { imageArn: imageIdentifier, state, build, log: await buildLog(service, name, buildId, build.createdAt ?? new Date()) };
}

async function buildLog(service: Service, name: string, buildId: string, createdAt: Date): Promise<string> {
  const day = createdAt.toISOString().slice(0, 10).replaceAll('-', '/');
  const page = await localLogs(service.config).streamPage(service.config.accountId, `/aws/lambda-microvms/${name}`, `${day}[1.0]build-${buildId}`, { from: 'start', direction: 'forward', limit: 100_000, maxBytes: 4e6 });
  return page?.events.map(({ text }) => text).join('\n') ?? '';
}

const READY = { ready: 'ENABLED', readyTimeoutInSeconds: 120 } as const;
const VALIDATE = { validate: 'ENABLED', validateTimeoutInSeconds: 60 } as const;
const RUNTIME_HOOKS = {
  run: 'ENABLED', runTimeoutInSeconds: 30, resume: 'ENABLED', resumeTimeoutInSeconds: 30,
  suspend: 'ENABLED', suspendTimeoutInSeconds: 30, terminate: 'ENABLED', terminateTimeoutInSeconds: 30,
} as const;

/** Of an application that answers every POST on its one port: ready once it listens. */
export const READY_ON_8080 = { port: 8080, microvmImageHooks: READY };

export const FLASK_HOOKS = { port: 9000, microvmImageHooks: { ...READY, ...VALIDATE }, microvmHooks: RUNTIME_HOOKS };

const built = new Map<string, Promise<string>>();

/** The shared service's Flask image; built once in a run. `all` hooks, or `ready` alone as in the quickstart. */
export function flaskImage(hooks: 'all' | 'ready' = 'all', memoryMiB = 512): Promise<string> {
  const name = `flask-${hooks}${memoryMiB === 512 ? '' : `-${memoryMiB}`}`;
  const known = built.get(name);
  if (known !== undefined) return known;
  const building = buildFlask(name, memoryMiB, hooks === 'all' ? { microvmImageHooks: { ...READY, ...VALIDATE }, microvmHooks: RUNTIME_HOOKS } : { microvmImageHooks: READY });
  built.set(name, building);
  return building;
}

async function buildFlask(name: string, memoryMiB: number, hooks: CreateMicrovmImageCommandInput['hooks']): Promise<string> {
  const service = await sharedService();
  const uri = await service.upload('flask.zip', await zipFolder(FLASK_APP));
  const outcome = await buildImage(service, name, uri, { resources: [{ minimumMemoryInMiB: memoryMiB }], hooks: { port: 9000, ...hooks } });
  if (outcome.state !== 'CREATED') throw new Error(`the Flask image is ${outcome.state}: ${outcome.build.stateReason ?? ''}\n${outcome.log}`);
  return outcome.imageArn;
}
