/**
 * The composition root: builds every layer, starts them in order, and ends them in reverse. It composes and does
 * nothing else.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ERROR_TYPES } from '../api/dialect.js';
import { OPERATION_NAMES } from '../api/operations/index.js';
import { createApiServer } from '../api/server.js';
import type { Progress } from '../assets/contracts.js';
import { createLogsService } from '../aws/logs/service.js';
import { createS3Service } from '../aws/s3/service.js';
import { createContainerBuilder } from '../builder/builder.js';
import { LayerCaches } from '../builder/layer-cache.js';
import { openCgroups } from '../cgroups/cgroups.js';
import { openTimeline, watchSteps } from '../clock/timeline.js';
import type { Config } from '../config/config.js';
import { loadNetworks } from '../connectors/networks.js';
import { createConnectors } from '../connectors/service.js';
import type { Engine, EngineInfo, Vm } from '../engine/contracts.js';
import { ioctl } from '../engine/linux/libc.js';
import { createQemuEngine } from '../engine/qemu/engine.js';
import { createCertificates } from '../endpoint/certificates.js';
import { createEndpointServer } from '../endpoint/server.js';
import { createTokenService } from '../endpoint/tokens.js';
import { createVmLimitOf } from '../endpoint/vm-limits.js';
import { Fault, messageOf } from '../errors/index.js';
import { createGuestAgent } from '../guest/agent.js';
import { createCallHook } from '../hooks/call.js';
import { buildsAtOnce } from '../images/limits.js';
import { DEFAULT_MEMORY_MIB } from '../images/sizes.js';
import { createImages } from '../images/service.js';
import { readPolicies } from '../iam/policy.js';
import type { Credentials } from '../keys/credentials.js';
import { type FindKey, openKeyRing } from '../keys/key-ring.js';
import { openRoles } from '../keys/roles.js';
import { loadOrCreateSecret } from '../keys/secret.js';
import { createLogStore } from '../logs/store.js';
import { startLogSweeper } from '../logs/sweeper.js';
import { createMetrics } from '../metrics/registry.js';
import { createMicrovms } from '../microvms/service.js';
import { Turns } from '../microvms/turns.js';
import { GUEST_NET, servicePort } from '../network/contracts.js';
import { openLinkPool } from '../network/pool.js';
import { createAccountQuotas } from '../quotas/account-quotas.js';
import { loadLimits } from '../quotas/limits.js';
import { createThrottle } from '../quotas/throttle.js';
import { openStore } from '../store/sqlite/open.js';
import { createTags } from '../tags/service.js';
import { Samples } from '../usage/samples.js';
import { openVault } from '../vault/vault.js';
import { apiUrlOf } from './access.js';
import { ensureBuilder, ensureGuest } from './assets.js';
import { startAudit } from './audit.js';
import { openConsole } from './console.js';
import { createGarbageCollector } from './garbage.js';
import { linkSettings, startEgress } from './egress.js';
import { startEvents } from './events.js';
import { externalObjects } from './external-objects.js';
import { lockDataDir, removeRunDir, runDirOf } from './lock.js';
import { admitGuests, createMetadata, roleSessionsOf, servicesOf } from './metadata.js';
import { startMetering } from './metering.js';
import { adoptable } from './survivors.js';
import { startTracing, type Tracing } from './traces.js';

export interface Daemon {
  readonly apiUrl: string;
  readonly endpointPort: number;
  /** PEM file clients trust the endpoint by; absent with the operator's own certificate. */
  readonly caFile: string | undefined;
  readonly credentials: Credentials;
  readonly info: EngineInfo;
  readonly engine: Engine;
  /**
   * Ends builds, which the next daemon begins anew, and requests under way. suspend: running MicroVMs are suspended and
   * no process, namespace or socket is left; keep: they run on, and the next daemon adopts them.
   */
  close(guests?: Guests): Promise<void>;
}

export type Guests = 'suspend' | 'keep';

/** For tests: told of each named step of builds, MicroVMs and VMs as it is reached; the work goes on when it resolves. */
export type Observe = (step: string, subject: { readonly id: string; readonly pid?: number }) => void | Promise<void>;

/** More than one: a launch also waits for disk and network. Many more only make all of them late. */
const LAUNCHES_PER_CPU = 2;
const MIB = 1024 * 1024;
/** What requests under way get to end at a stop that leaves MicroVMs running. */
const DRAIN_MS = 10_000;
const LIVE_STATES = ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING'] as const;

type Closer = (guests: Guests) => Promise<void> | void;

export async function startDaemon(config: Config, logger: Logger, progress: Progress, observe?: Observe): Promise<Daemon> {
  const closers: Closer[] = [];
  const close = async (guests: Guests = 'suspend'): Promise<void> => {
    const failures: unknown[] = [];
    // One part that cannot be closed must not keep the others open.
    for (const closer of closers.splice(0).reverse()) await Promise.resolve().then(() => closer(guests)).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, `not everything could be closed: ${failures.map(messageOf).join('; ')}`);
  };
  try {
    return { ...(await compose(config, logger, progress, closers, observe)), close };
  } catch (error) {
    await close().catch((cleanup: unknown) => logger.error({ error: messageOf(cleanup) }, 'could not clean up after a failed start'));
    throw error;
  }
}

async function compose(config: Config, logger: Logger, progress: Progress, closers: Closer[], observe?: Observe): Promise<Omit<Daemon, 'close'>> {
  const { dataDir } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  closers.push(lockDataDir(dataDir));
  const clock = await openTimeline(dataDir);
  const runDir = await runDirOf(dataDir);
  closers.push((guests) => (guests === 'keep' ? undefined : removeRunDir(runDir)));

  // First, as a bad file of the operator's should not wait for minutes of preparation to be told.
  const keys = await openKeyRing({ dataDir, accountId: config.accountId, readPolicies, clock, log: logger });
  closers.push(() => keys.close());
  const roles = await openRoles({ dataDir, readPolicies, clock, log: logger });
  closers.push(() => roles.close());
  const limits = await loadLimits(config);
  const networks = await loadNetworks(config.networksFile);
  const vault = await openVault({ dataDir, enabled: config.encryption, masterKeyFile: config.masterKeyFile, ioctl });
  // MicroVMs that run on need their files.
  closers.push(async (guests) => {
    const open = guests === 'keep' ? [] : await vault.close();
    if (open.length > 0) logger.warn({ accounts: open }, 'files of these accounts are still open, and readable until they are closed');
  });

  const guest = await ensureGuest(config, progress);
  const records = openStore(join(dataDir, 'tardigrade.db'));
  closers.push(() => records.close());
  const samples = new Samples(clock);
  const metrics = createMetrics({
    microvmsByState: () => countBy(records.microvmsInStates(LIVE_STATES), ({ state }) => state),
    vmmTotals: () => samples.totals(),
    snapshotBytes: () => records.snapshotBytes(),
    api: { operations: OPERATION_NAMES, errors: ERROR_TYPES },
  });
  const events = await startEvents({ config, store: records, clock, logger, metrics });
  closers.push(() => events.close());
  const tracing = startTracing({ config, store: events.store, buildStep: events.buildStep, clock, logger });
  closers.push(() => tracing.close());
  const { store } = tracing;
  const survivors = await adoptable(runDir, store, logger);
  const links = await openLinkPool({ ...linkSettings(config), owner: runDir, logger, services: servicesOf(config) });
  closers.push((guests) => links.close({ keepRules: guests === 'keep' }));
  const { services } = links;
  if (services === undefined) throw new Fault('the links have no service address');
  const cgroups = await openCgroups({ owner: runDir, logger });
  closers.push(() => cgroups.close());
  const engine = createQemuEngine({
    ...guest, runDir, survivors, cgroups, diskBytesPerSecond: config.vmDiskMiB === undefined ? undefined : config.vmDiskMiB * MIB, ...(observe === undefined ? {} : { observe }),
    log: (what, error) => logger.warn({ error: messageOf(error) }, what),
  });
  const agentFor = (vm: Vm) => createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal));
  const builderFiles = await ensureBuilder(config, guest, { engine, links, agentFor }, progress);

  const metering = await startMetering({ config, store, clock, samples, logger });
  closers.push(() => metering.close());
  const log = createLogStore(join(dataDir, 'logs'), {
    streamBytes: config.logStreamMaxMiB * MIB,
    accountBytes: config.logAccountMaxMiB * MIB,
    retentionInDays: config.logRetentionDays,
    onError: (error) => logger.warn({ error: messageOf(error) }, 'log lines lost'),
  });
  closers.push(startLogSweeper(log, clock, {
    swept: (events) => logger.info({ events, ...log.counters() }, 'removed old log events'),
    failed: (error) => logger.warn({ error: messageOf(error) }, 'could not remove old log events'),
  }));
  const audit = startAudit({ config, logs: log, clock, metrics, logger });
  closers.push(() => audit.close());
  const egress = await startEgress({ config, links, owner: runDir, log, clock, logger });
  closers.push(() => egress.close());
  const callHook = createCallHook();
  const s3 = createS3Service({ dataDir, region: config.region, domains: [config.domain], log: logger });
  const connectors = createConnectors({ store, clock, region: config.region, networks, ...(config.unlimited ? { maxPerAccount: null } : {}) });
  closers.push(() => connectors.close());
  const shared = { store, connectors, engine, links, agentFor, callHook, log, dataDir, clock, logger, metrics, vault, usage: metering.meter, quotas: createAccountQuotas({ limits, store }),
    ...observers(observe, tracing.reached),
  };
  const layers = new LayerCaches({ dir: join(dataDir, 'build-cache'), maxBytes: config.buildCacheMiB * MIB, prepare: (account, folder) => vault.protect(account, folder) });
  const images = createImages({
    ...shared,
    builder: createContainerBuilder({ engine, links, agentFor }, builderFiles, layers),
    objects: config.externalS3 === undefined ? s3 : externalObjects(config.externalS3),
    region: config.region,
    hostCpus: availableParallelism(),
    stepChanged: tracing.buildStep,
    concurrency: Math.min(buildsAtOnce(availableParallelism()), limits.concurrentBuilds ?? Infinity),
    inUse: (imageArn, version) => store.microvmsInStates(LIVE_STATES).some((vm) => vm.imageArn === imageArn && (version ?? vm.imageVersion) === vm.imageVersion),
    architecture: config.architecture,
  });
  closers.push(() => images.shutdown());
  const microvms = createMicrovms({ ...shared, catalog: images, config, launching: new Turns(LAUNCHES_PER_CPU * availableParallelism()) });
  const secret = await loadOrCreateSecret(dataDir, 'role-key');
  const sessions = roleSessionsOf(secret, roles, store);
  const metadata = createMetadata({ config, secret, sessions, guests: microvms, store, clock, metrics, logger });
  // Before any guest runs and until the last has ended, as their hooks may ask it.
  closers.push(() => metadata.close());
  closers.push((guests) => microvms.shutdown(guests));
  await metadata.listen(services.address, servicePort(GUEST_NET.metadataPort));
  connectors.start();
  await microvms.start();
  // Now that what no VM of ours is in is ended.
  await cgroups.sweep();
  closers.push(watchSteps(clock, (byMs) => {
    metrics.clockStepped();
    logger.warn({ byMs }, 'the wall clock was set; MicroVMs are told, and their limits hold as before');
    microvms.hostClockStepped();
  }));
  await images.start();

  const certificates = await createCertificates({ config, log: logger, clock });
  closers.push(() => certificates.close());
  const tokens = await createTokenService({ dataDir, clock });
  const endpoint = createEndpointServer({
    config, certificates, tokens, gateway: microvms, metrics, log: logger,
    limitOf: createVmLimitOf(config, (vm) => store.getVersion(vm.imageArn, vm.imageVersion)?.config.resources?.[0]?.minimumMemoryInMiB ?? DEFAULT_MEMORY_MIB),
  });
  const { port: endpointPort } = await endpoint.listen();
  closers.push((guests) => endpoint.close(guests === 'keep' ? DRAIN_MS : 0));

  const findKey: FindKey = (id, token) => keys.find(id) ?? sessions.find(id, token);
  const api = createApiServer({
    config, findKey, throttle: createThrottle(limits), images, connectors, tags: createTags({ store }), microvms, tokens, store, s3,
    logs: createLogsService({ store: audit.logs, keptGroup: audit.keptGroup, region: config.region }),
    usage: metering.reports,
    events: events.feed,
    samples: metering.samples,
    garbage: createGarbageCollector({ config, store, clock, logs: log, sources: [images.garbage, microvms.garbage, layers.garbage], logger }),
    pageKey: await loadOrCreateSecret(dataDir, 'page-key'),
    endpointOf: (label) => `${label}.microvm.${config.domain}${endpointPort === 443 ? '' : `:${endpointPort}`}`,
    metrics,
    counts: metrics,
    console: await openConsole({ region: config.region, findKey, tokens, gateway: microvms, now: () => clock.now(), log: logger }),
    ...(audit.served === undefined ? {} : { served: audit.served }),
    ...(tracing.tracer === undefined ? {} : { tracer: tracing.tracer }),
    guests: config.guestApi ? { host: services.address, port: servicePort(GUEST_NET.apiPort), admit: admitGuests(microvms, clock) } : undefined,
    log: logger,
  });
  const { port: apiPort } = await api.listen();
  closers.push(() => api.close());

  return { apiUrl: apiUrlOf(config.apiHost, apiPort), endpointPort, caFile: certificates.caFile, credentials: keys.first, info: guest.info, engine };
}

/** Who is told of the moments of builds and MicroVMs. */
function observers(observe: Observe | undefined, reached: Tracing['reached']): { readonly observe?: (moment: string, id: string) => void | Promise<void> } {
  if (observe === undefined) return reached === undefined ? {} : { observe: reached };
  return {
    observe(moment, id) {
      reached?.(moment, id);
      return observe(moment, { id });
    },
  };
}

function countBy<T, K extends string>(items: readonly T[], keyOf: (item: T) => K): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
