/** An image service over the real store and file system, with the layers around it faked. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { systemClock } from '../../../../src/clock/index.js';
import { ValidationError } from '../../../../src/errors/index.js';
import type { CreateImageInput, Principal } from '../../../../src/images/contracts.js';
import { BUILD_LIMITS } from '../../../../src/images/limits.js';
import { createImages, type Images, type ImagesDeps } from '../../../../src/images/service.js';
import { INTERNET, NO_EGRESS } from '../../../../src/network/contracts.js';
import type { BuildRecord, ImageConfig, ImageRecord, Store, VersionRecord } from '../../../../src/store/contracts.js';
import { openStore } from '../../../../src/store/sqlite/open.js';
import { Fakes } from './fakes.js';
import { scratch } from './scratch.js';

export const WHO: Principal = { accountId: '111122223333', accessKeyId: 'AKIA' };
export const BASE = 'arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1';

export const arnOf = (name: string): string => `arn:aws:lambda:us-east-1:${WHO.accountId}:microvm-image:${name}`;

export function input(name = 'app', config: Partial<ImageConfig> = {}): CreateImageInput {
  return {
    name,
    tags: { team: 'a' },
    config: { baseImageArn: BASE, buildRoleArn: 'arn:aws:iam::111122223333:role/build', codeArtifact: { uri: 's3://bkt/code.zip' }, ...config },
  };
}

export const withHooks = (ready: 'ENABLED' | 'DISABLED', validate: 'ENABLED' | 'DISABLED' = 'DISABLED'): Partial<ImageConfig> => ({
  hooks: { port: 9000, microvmImageHooks: { ready, validate, readyTimeoutInSeconds: 90 } },
});

export interface World {
  readonly fakes: Fakes;
  readonly images: Images;
  readonly store: Store;
  readonly dataDir: string;
  /** ARNs of images, or `<arn>:<version>`. */
  readonly inUse: Set<string>;
  /** ARNs of the customer connectors there are. */
  readonly connectors: Set<string>;
}

function refuseUnless(known: ReadonlySet<string>, arn: string): void {
  if (!known.has(arn)) throw new ValidationError(`Network connector ${arn} does not exist in this account`, 'egressNetworkConnectors');
}

export async function world(t: TestContext, options: Partial<ImagesDeps> = {}, fakes = new Fakes()): Promise<World> {
  const dataDir = options.dataDir ?? (await scratch(t));
  const store = options.store ?? openStore(join(dataDir, 'db.sqlite'));
  const inUse = new Set<string>();
  const connectors = new Set<string>();
  const images = createImages({
    store, dataDir,
    builder: fakes.builder, engine: fakes.engine, links: fakes.linkPool, agentFor: fakes.agentFor, callHook: fakes.callHook,
    objects: fakes.objects, log: fakes.appLog, clock: systemClock, region: 'us-east-1', hostCpus: 2, hostArch: 'x64',
    logger: pino({ level: 'silent' }), inUse: (arn, version) => inUse.has(arn) || (version !== undefined && inUse.has(`${arn}:${version}`)),
    connectors: {
      egressOf: (_account, arns) => (arns.some((arn) => arn.endsWith(':INTERNET_EGRESS')) ? INTERNET : NO_EGRESS),
      requireUsable: (_who, arn) => refuseUnless(connectors, arn),
    },
    ...options,
    limits: { ...BUILD_LIMITS, settleMs: 5, ...options.limits },
  });
  t.after(async () => {
    await images.shutdown();
    if (options.store === undefined) store.close();
  });
  return { fakes, images, store, dataDir, inUse, connectors };
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export interface Outcome {
  readonly image: ImageRecord;
  readonly version: VersionRecord;
  readonly build: BuildRecord;
  readonly lines: string[];
}

/** Creates the image and waits for the end of its build. */
export async function buildImage(w: World, request: CreateImageInput = input()): Promise<Outcome> {
  w.images.create(WHO, request);
  return outcome(w, request.name);
}

export async function outcome(w: World, name = 'app'): Promise<Outcome> {
  const arn = arnOf(name);
  await until(() => w.images.get(WHO, arn).state !== 'CREATING' && w.fakes.openWriters === 0);
  const [build] = w.images.listBuilds(WHO, arn, '1', { limit: 10 }).items;
  assert.ok(build !== undefined);
  return { image: w.images.get(WHO, arn), version: w.images.getVersion(WHO, arn, '1.0'), build, lines: w.fakes.lines() };
}

export function assertReleased({ fakes }: World): void {
  assert.deepEqual(fakes.vms.filter(({ live, stops }) => live || stops === 0).map(({ id }) => id), [], 'a VM is left');
  assert.deepEqual(fakes.links.filter(({ released }) => released !== 1), [], 'a link is left');
  assert.deepEqual([...fakes.agents.values()].filter(({ following }) => following).length, 0, 'an event stream is left');
  assert.equal(fakes.openWriters, 0, 'a log is open');
  for (const { context } of fakes.requests) assert.equal(context.destroyed, true, 'a context is open');
}

export async function exists(...path: string[]): Promise<boolean> {
  return access(join(...path)).then(() => true, () => false);
}

/** The build failed with this reason, which is in its log, and nothing of it is left. */
export async function assertFailed(w: World, { image, version, build, lines }: Outcome, reason: RegExp): Promise<void> {
  assert.equal(image.state, 'CREATE_FAILED');
  assert.equal(image.latestFailedVersion, '1.0');
  assert.equal(image.latestActiveVersion, undefined);
  assert.deepEqual([version.state, version.status, build.state], ['FAILED', 'INACTIVE', 'FAILED']);
  assert.match(build.stateReason ?? '', reason);
  assert.equal(version.stateReason, build.stateReason);
  assert.ok(lines.some((line) => line.includes(`The build failed. ${build.stateReason ?? '?'}`)), lines.join('\n'));
  assertReleased(w);
  assert.equal(await exists(w.dataDir, 'images', WHO.accountId, image.name), false, 'files are left');
}
