/** A real API server on a free port, with in-memory stand-ins for the two services behind it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { pino, type Logger } from 'pino';
import type { AppTokenRequest, ShellTokenRequest } from '../../src/api/contracts.js';
import type { IdempotencyStore } from '../../src/api/idempotency.js';
import { type ApiServerDeps, createApiServer } from '../../src/api/server.js';
import { AUDIT_LOG_GROUP } from '../../src/audit/contracts.js';
import { createTrail } from '../../src/audit/trail.js';
import { withAudit } from '../../src/audit/view.js';
import { systemClock } from '../../src/clock/index.js';
import type { ConnectorCatalog } from '../../src/connectors/contracts.js';
import type { ConsoleSite } from '../../src/console/contracts.js';
import { createConnectors } from '../../src/connectors/service.js';
import { createLogsService } from '../../src/aws/logs/service.js';
import { createS3Service } from '../../src/aws/s3/service.js';
import { ConflictError, NotFoundError, ValidationError } from '../../src/errors/index.js';
import { createFeed } from '../../src/events/feed.js';
import { EventHub } from '../../src/events/hub.js';
import { recordEvents } from '../../src/events/recorder.js';
import { readPolicies } from '../../src/iam/policy.js';
import { createCollector } from '../../src/gc/collector.js';
import type { GarbageCollector } from '../../src/gc/contracts.js';
import { expiredLogEvents } from '../../src/gc/log-events.js';
import { terminatedRecords } from '../../src/gc/terminated.js';
import type { ImageService, ManagedImage } from '../../src/images/contracts.js';
import type { Credentials } from '../../src/keys/credentials.js';
import { type FindKey, keysOf } from '../../src/keys/key-ring.js';
import type { LogStore } from '../../src/logs/contracts.js';
import { createLogStore } from '../../src/logs/store.js';
import { type ApiMetrics, type MetricsPage, noMetrics } from '../../src/metrics/contracts.js';
import type { MicrovmService } from '../../src/microvms/contracts.js';
import type { Throttle } from '../../src/quotas/contracts.js';
import { unlimited } from '../../src/quotas/defaults.js';
import { createThrottle } from '../../src/quotas/throttle.js';
import type { BuildRecord, BuildStepRecord, ImageRecord, LaunchRecord, MicrovmRecord, Page, PageRequest, Store, VersionRecord } from '../../src/store/contracts.js';
import { openStore } from '../../src/store/sqlite/open.js';
import { createTags } from '../../src/tags/service.js';
import { AWS_PRICES } from '../../src/usage/prices.js';
import type { UsageSamples } from '../../src/usage/contracts.js';
import { createReports } from '../../src/usage/reports.js';

export const accountId = '123456789012';
export const region = 'us-east-1';
export const key = { accessKeyId: 'TDGKTESTTESTTESTTEST', secretAccessKey: 'test-secret-test-secret-test-secret-1234' };
export const otherKey = { accessKeyId: 'TDGKOTHEROTHEROTHERO', secretAccessKey: 'other-secret-other-secret-other-secret-12', accountId: '210987654321' };
export const roleArn = 'arn:aws:iam::123456789012:role/build';
export const baseImageArn = 'arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1';

export function imageArn(name: string, account = accountId): string {
  return `arn:aws:lambda:${region}:${account}:microvm-image:${name}`;
}

/** Keys are positions, as creation order is. */
function pageOf<T>(rows: readonly T[], page: PageRequest): Page<T> {
  const start = page.after === undefined ? 0 : Number(page.after) + 1;
  const items = rows.slice(start, start + page.limit);
  const last = start + items.length - 1;
  return { items, next: last + 1 < rows.length ? String(last) : undefined };
}

export class FakeImages implements ImageService {
  readonly images: ImageRecord[] = [];
  readonly versions: VersionRecord[] = [];
  readonly builds: BuildRecord[] = [];
  readonly managed: ManagedImage[] = [
    { imageArn: baseImageArn, createdAt: 1_000, versions: [{ version: '1', createdAt: 2_000 }, { version: '0', createdAt: 1_000 }] },
  ];

  create: ImageService['create'] = (who, { name, tags, config }) => {
    const arn = imageArn(name, who.accountId);
    if (this.images.some((image) => image.arn === arn)) throw new ValidationError(`A MicroVM image with the name '${name}' already exists in this account`);
    const image: ImageRecord = { accountId: who.accountId, name, arn, state: 'CREATING', tags, createdAt: 1_755_278_248_601, updatedAt: 1_755_278_248_601 };
    const version: VersionRecord = { imageArn: arn, version: '1.0', state: 'PENDING', status: 'INACTIVE', config, createdAt: image.createdAt, updatedAt: image.updatedAt };
    const build: BuildRecord = { imageArn: arn, version: '1.0', buildId: randomUUID(), state: 'PENDING', architecture: 'ARM_64', chipset: 'GRAVITON', chipsetGeneration: '4', createdAt: image.createdAt, attempts: 1 };
    this.images.push(image);
    this.versions.push(version);
    this.builds.push(build);
    return { image, version };
  };

  update: ImageService['update'] = (who, arn, config) => {
    const image = this.get(who, arn);
    const version: VersionRecord = { imageArn: arn, version: '2.0', state: 'PENDING', status: 'INACTIVE', config, createdAt: image.createdAt, updatedAt: image.updatedAt };
    this.versions.push(version);
    return { image, version };
  };

  setVersionStatus: ImageService['setVersionStatus'] = (who, arn, version, status) => ({ ...this.getVersion(who, arn, version), status });
  deleteVersion: ImageService['deleteVersion'] = (_who, _arn, version) => ({ version, state: 'DELETING' });

  get: ImageService['get'] = (_who, arn) => {
    const image = this.images.find((candidate) => candidate.arn === arn);
    if (!image) throw new NotFoundError(`MicroVMImage not found for MicroVMImageID: ${arn}`, 'microvm-image', arn);
    return image;
  };

  list: ImageService['list'] = (who, page) => pageOf(this.images.filter((image) => image.accountId === who.accountId), page);
  delete: ImageService['delete'] = (_who, arn) => ({ imageArn: arn, state: 'DELETING' });

  getVersion: ImageService['getVersion'] = (_who, arn, version) => {
    const found = this.versions.find((candidate) => candidate.imageArn === arn && candidate.version === version);
    if (!found) throw new NotFoundError(`no version ${version}`, 'microvm-image-version', version);
    return found;
  };

  listVersions: ImageService['listVersions'] = (_who, arn, page) => pageOf(this.versions.filter((version) => version.imageArn === arn), page);

  getBuild: ImageService['getBuild'] = (_who, arn, version, buildId) => {
    const found = this.builds.find((build) => build.imageArn === arn && build.version === version && build.buildId === buildId);
    if (!found) throw new NotFoundError(`no build ${buildId}`, 'microvm-image-build', buildId);
    return found;
  };

  readonly steps: BuildStepRecord[] = [];
  buildSteps: ImageService['buildSteps'] = (who, arn, version, buildId) => {
    this.getBuild(who, arn, version, buildId);
    return this.steps;
  };

  listBuilds: ImageService['listBuilds'] = (_who, arn, version, page) => pageOf(this.builds.filter((build) => build.imageArn === arn && build.version === version), page);
  managedImages: ImageService['managedImages'] = () => this.managed;
}

export class FakeMicrovms implements MicrovmService {
  readonly vms: MicrovmRecord[] = [];
  readonly calls: string[] = [];
  /** Thrown by the next run, e.g. to see how a fault is answered. */
  failure: Error | undefined;

  run: MicrovmService['run'] = (who, input) => {
    if (this.failure) throw this.failure;
    const vm: MicrovmRecord = {
      id: `microvm-${randomUUID()}`,
      accountId: who.accountId,
      endpointLabel: randomUUID(),
      state: 'PENDING',
      imageArn: input.imageArn,
      imageVersion: input.imageVersion ?? '1.0',
      idlePolicy: input.idlePolicy,
      maximumDurationInSeconds: input.maximumDurationInSeconds ?? 28_800,
      ingressNetworkConnectors: [],
      egressNetworkConnectors: [],
      startedAt: 1_755_278_248_601,
      startedSteady: 1_755_278_248_601,
      resumeOnStart: false,
    };
    this.vms.push(vm);
    return vm;
  };

  get: MicrovmService['get'] = (_who, id) => {
    const vm = this.vms.find((candidate) => candidate.id === id);
    if (!vm) throw new NotFoundError(`no MicroVM ${id}`, 'microvm', id);
    return vm;
  };

  outlook: MicrovmService['outlook'] = (who, id) => {
    const { startedAt } = this.get(who, id);
    return { lastActivityAt: startedAt + 1_000, transitions: [{ to: 'TERMINATED', at: startedAt + 28_800_000, because: 'its time is over' }] };
  };

  readonly launched: LaunchRecord[] = [];
  launches: MicrovmService['launches'] = (who, id) => {
    const { id: microvmId } = this.get(who, id);
    return this.launched.filter((launch) => launch.microvmId === microvmId);
  };

  live: MicrovmService['live'] = (who) => this.vms.filter((vm) => vm.accountId === who.accountId && vm.state !== 'TERMINATED');

  setState(id: string, state: MicrovmRecord['state']): void {
    const index = this.vms.findIndex((vm) => vm.id === id);
    const vm = this.vms[index];
    if (vm) this.vms[index] = { ...vm, state };
  }

  list: MicrovmService['list'] = (_who, filter, page) =>
    pageOf(this.vms.filter((vm) => filter.imageArn === undefined || vm.imageArn === filter.imageArn), page);

  suspend: MicrovmService['suspend'] = (who, id) => this.note('suspend', this.get(who, id));
  terminate: MicrovmService['terminate'] = (who, id) => this.note('terminate', this.get(who, id));

  resume: MicrovmService['resume'] = (who, id) => {
    const vm = this.get(who, id);
    if (vm.state === 'TERMINATED') return Promise.reject(new ConflictError('it has ended', 'microvm', id));
    return this.note('resume', vm);
  };

  private note(what: string, vm: MicrovmRecord): Promise<void> {
    this.calls.push(`${what} ${vm.id}`);
    return Promise.resolve();
  }
}

function memoryStore(): IdempotencyStore {
  const rows = new Map<string, { requestHash: string; response: unknown }>();
  return {
    findIdempotent: (row) => rows.get(JSON.stringify(row)),
    rememberIdempotent: (row, requestHash, response) => void rows.set(JSON.stringify(row), { requestHash, response }),
    transaction: (body) => body(),
  };
}

export interface Harness {
  readonly url: string;
  readonly port: number;
  /** 0 without {@link HarnessOptions.guests}. */
  readonly guestPort: number;
  readonly images: FakeImages;
  readonly microvms: FakeMicrovms;
  readonly tokenRequests: AppTokenRequest[];
  readonly shellTokenRequests: ShellTokenRequest[];
  /** Holds the connectors, events of what is changed in it, and what `images` of the options keeps there; the fakes keep their own. */
  readonly store: Store;
  /** Every line logged so far. */
  readonly log: () => string;
  readonly dataDir: string;
  readonly logStore: LogStore;
  clockOffsetMs: number;
  client(credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): LambdaMicrovmsClient;
  close(): Promise<void>;
}

export interface HarnessOptions {
  /** Besides {@link key} and {@link otherKey}. */
  readonly keys?: readonly Credentials[];
  /** Keys that are in no file. */
  readonly findKey?: FindKey;
  /** Where guests reach the API. */
  readonly guests?: ApiServerDeps['guests'];
  readonly throttle?: Throttle;
  readonly metrics?: MetricsPage;
  /** Below /console. */
  readonly console?: (parts: { readonly findKey: FindKey; readonly now: () => number; readonly log: Logger }) => ConsoleSite;
  readonly counts?: ApiMetrics;
  readonly samples?: UsageSamples;
  readonly garbage?: GarbageCollector;
  /** Instead of the fake. */
  readonly images?: (parts: { readonly store: Store; readonly connectors: ConnectorCatalog; readonly dataDir: string }) => ImageService;
}

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const keys = keysOf([key, otherKey, ...(options.keys ?? [])], { accountId, readPolicies });
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-api-'));
  const images = new FakeImages();
  const microvms = new FakeMicrovms();
  const tokenRequests: AppTokenRequest[] = [];
  const shellTokenRequests: ShellTokenRequest[] = [];
  const hub = new EventHub(systemClock);
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  }));
  const { store } = recordEvents({ store: openStore(join(dataDir, 'records.db')), clock: systemClock, region, announce: (account) => hub.announce(account), logger: log });
  const connectors = createConnectors({ store, clock: systemClock, region });
  const clock = () => Date.now() + harness.clockOffsetMs;
  const logStore = createLogStore(join(dataDir, 'logs'), { now: clock });
  const auditStore = createLogStore(join(dataDir, 'audit'), { now: clock });
  const trail = createTrail({ store: auditStore, region, clock: { ...systemClock, now: clock }, metrics: noMetrics });
  const findKey: FindKey = (id, token) => keys.get(id) ?? options.findKey?.(id, token);
  const server = createApiServer({
    config: { apiHost: '127.0.0.1', apiPort: 0, region },
    findKey,
    ...(options.console === undefined ? {} : { console: options.console({ findKey, now: clock, log }) }),
    guests: options.guests,
    throttle: options.throttle ?? createThrottle(unlimited),
    images: options.images?.({ store, connectors, dataDir }) ?? images,
    connectors,
    tags: createTags({ store }),
    microvms,
    tokens: {
      issueAppToken(request) {
        tokenRequests.push(request);
        return Promise.resolve('a.b.c.d.e');
      },
      issueShellToken(request) {
        shellTokenRequests.push(request);
        return Promise.resolve('s.h.e.l.l');
      },
    },
    usage: createReports({ store, clock: { ...systemClock, now: clock }, prices: AWS_PRICES, refresh: () => Promise.resolve() }),
    events: createFeed(store, hub, region),
    garbage: options.garbage ?? createCollector({ operatorAccount: accountId, sources: [terminatedRecords({ store, clock: systemClock }), expiredLogEvents(logStore)], logger: log }),
    samples: options.samples ?? { intervalSeconds: 5, of: () => [], latest: () => ({ memoryMiB: 2048, runningSeconds: 0 }) },
    store: memoryStore(),
    s3: createS3Service({ dataDir, region, log }),
    logs: createLogsService({ store: withAudit(logStore, auditStore), keptGroup: AUDIT_LOG_GROUP, region, clock }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    ...(options.counts === undefined ? {} : { counts: options.counts }),
    served: (request) => trail.record(request),
    pageKey: Buffer.alloc(32, 7),
    endpointOf: (label) => `${label}.microvm.localhost:7443`,
    log,
    clock,
  });
  const clients: LambdaMicrovmsClient[] = [];
  const harness: Harness = {
    url: '',
    port: 0,
    guestPort: 0,
    images,
    microvms,
    tokenRequests,
    shellTokenRequests,
    store,
    log: () => lines.join(''),
    dataDir,
    logStore,
    clockOffsetMs: 0,
    client(credentials = key) {
      const client = new LambdaMicrovmsClient({ endpoint: harness.url, region, credentials, maxAttempts: 1 });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy();
      await server.close();
      await trail.close();
      connectors.close();
      store.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  const { port, guestPort = 0 } = await server.listen();
  return Object.assign(harness, { port, guestPort, url: `http://127.0.0.1:${port}` });
}
