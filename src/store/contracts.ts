/**
 * Records of images, builds, MicroVMs and network connectors, and the interface of the store that keeps them.
 * SQLite (`store/sqlite`) is the default; nothing outside `store/` knows that.
 * All times are milliseconds since 1970 UTC, of the wall clock; those called steady are of the timeline of `Clock.steady`.
 */
import type { EventStore } from './event-store.js';

export { EVENT_TYPES } from './event-store.js';
export type { DeliveryRecord, EventRecord, EventStore, EventType, NewEvent } from './event-store.js';

export type ImageState =
  | 'CREATING' | 'CREATED' | 'CREATE_FAILED'
  | 'UPDATING' | 'UPDATED' | 'UPDATE_FAILED'
  | 'DELETING' | 'DELETE_FAILED' | 'DELETED';
export type VersionState = 'PENDING' | 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'DELETING' | 'DELETED' | 'DELETE_FAILED';
export type VersionStatus = 'ACTIVE' | 'INACTIVE';
export type BuildState = 'PENDING' | 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED';
export type MicrovmState = 'PENDING' | 'RUNNING' | 'SUSPENDING' | 'SUSPENDED' | 'TERMINATING' | 'TERMINATED';

export type Toggle = 'ENABLED' | 'DISABLED';

/** As on the wire (spec §1.4). */
export interface Hooks {
  readonly port?: number | undefined;
  readonly microvmHooks?: Partial<Record<'run' | 'resume' | 'suspend' | 'terminate', Toggle | undefined>> &
    Partial<Record<`${'run' | 'resume' | 'suspend' | 'terminate'}TimeoutInSeconds`, number | undefined>> | undefined;
  readonly microvmImageHooks?: Partial<Record<'ready' | 'validate', Toggle | undefined>> &
    Partial<Record<`${'ready' | 'validate'}TimeoutInSeconds`, number | undefined>> | undefined;
}

export type Logging =
  | { readonly disabled: Record<string, never> }
  | { readonly cloudWatch: { readonly logGroup?: string | undefined; readonly logStream?: string | undefined } };

/** What a version was asked to be: the request's members, echoed by Get. Member names are the wire's. */
export interface ImageConfig {
  readonly baseImageArn: string;
  readonly baseImageVersion?: string | undefined;
  readonly buildRoleArn: string;
  readonly codeArtifact: { readonly uri: string };
  readonly description?: string | undefined;
  readonly logging?: Logging | undefined;
  readonly egressNetworkConnectors?: readonly string[] | undefined;
  readonly cpuConfigurations?: readonly { readonly architecture: string }[] | undefined;
  readonly resources?: readonly { readonly minimumMemoryInMiB: number }[] | undefined;
  readonly additionalOsCapabilities?: readonly string[] | undefined;
  readonly hooks?: Hooks | undefined;
  readonly environmentVariables?: Readonly<Record<string, string>> | undefined;
}

export interface ImageRecord {
  readonly accountId: string;
  readonly name: string;
  readonly arn: string;
  readonly state: ImageState;
  readonly latestActiveVersion?: string | undefined;
  readonly latestFailedVersion?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface VersionRecord {
  readonly imageArn: string;
  readonly version: string; // "1.0"
  readonly state: VersionState;
  readonly status: VersionStatus;
  readonly stateReason?: string | undefined;
  readonly config: ImageConfig;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface SnapshotSizes {
  readonly memorySnapshotSizeInBytes?: number | undefined;
  readonly codeInstallSizeInBytes?: number | undefined;
  readonly diskSnapshotSizeInBytes?: number | undefined;
}

export interface BuildRecord {
  readonly imageArn: string;
  readonly version: string;
  readonly buildId: string;
  readonly state: BuildState;
  readonly stateReason?: string | undefined;
  readonly architecture: string;
  readonly chipset: string;
  readonly chipsetGeneration: string;
  readonly snapshotBuild?: SnapshotSizes | undefined;
  readonly createdAt: number;
  /** How often it was begun: once, and again after each stop of the daemon meanwhile. */
  readonly attempts: number;
}

export interface IdlePolicy {
  readonly maxIdleDurationSeconds: number;
  readonly suspendedDurationSeconds: number;
  readonly autoResumeEnabled: boolean;
}

export interface MicrovmRecord {
  readonly id: string; // microvm-<uuid>
  readonly accountId: string;
  /** First label of the endpoint's host name; another uuid than the id's. */
  readonly endpointLabel: string;
  readonly state: MicrovmState;
  readonly stateReason?: string | undefined;
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly executionRoleArn?: string | undefined;
  readonly idlePolicy?: IdlePolicy | undefined;
  readonly logging?: Logging | undefined;
  readonly maximumDurationInSeconds: number;
  readonly ingressNetworkConnectors: readonly string[];
  readonly egressNetworkConnectors: readonly string[];
  readonly startedAt: number;
  /** `startedAt`, steady. */
  readonly startedSteady: number;
  /** Steady. */
  readonly suspendedAt?: number | undefined;
  /** Steady; written now and then: the last byte through the endpoint, or when it began to run. */
  readonly lastActivity?: number | undefined;
  readonly terminatedAt?: number | undefined;
  /** Suspended by the daemon's own shutdown: resumed at its next start. */
  readonly resumeOnStart: boolean;
}

export type ConnectorState = 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'FAILED' | 'DELETING' | 'DELETE_FAILED';

/** As on the wire (spec §7.2). */
export interface ConnectorConfiguration {
  readonly VpcEgressConfiguration: {
    readonly SubnetIds: readonly string[];
    readonly SecurityGroupIds?: readonly string[] | undefined;
    readonly NetworkProtocol?: 'IPv4' | 'DualStack' | undefined;
    readonly AssociatedComputeResourceTypes?: readonly string[] | undefined;
  };
}

export interface ConnectorRecord {
  readonly id: string; // nc-<uuid>
  readonly arn: string;
  readonly accountId: string;
  readonly name: string;
  readonly configuration: ConnectorConfiguration;
  readonly operatorRole: string;
  readonly state: ConnectorState;
  /** Counts from 1, one up with each update. */
  readonly version: number;
  readonly stateReason?: string | undefined;
  readonly stateReasonCode?: string | undefined;
  readonly lastUpdateStatus: 'Successful' | 'Failed' | 'InProgress';
  /** Of a Failed update, and already while it is InProgress. */
  readonly lastUpdateStatusReason?: string | undefined;
  readonly lastUpdateStatusReasonCode?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly lastModified: number;
}

export interface ConnectorFilter {
  readonly accountId: string;
  readonly state?: ConnectorState | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Sort key of the last item when more follow. */
  readonly next?: string | undefined;
}

/** Keys sort in creation order, so a page stays right while rows come and go. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: string | undefined;
}

/** What a MicroVM used in some span of time; all are sums but the peak. */
export interface UsageAmounts {
  readonly runningSeconds: number;
  readonly suspendedSeconds: number;
  /** Of the VMM's process, emulation and I/O included. */
  readonly cpuSeconds: number;
  /** Part of cpuSeconds above the baseline, measured from sample to sample. */
  readonly burstCpuSeconds: number;
  /** Time over which memory is known: runningSeconds but for gaps in which nobody looked. */
  readonly measuredSeconds: number;
  readonly memoryByteSeconds: number;
  /** Part of memoryByteSeconds above the baseline. */
  readonly burstMemoryByteSeconds: number;
  readonly peakMemoryBytes: number;
  readonly snapshotReadBytes: number;
  readonly snapshotWrittenBytes: number;
  /** Bytes of suspended state × seconds it was kept. */
  readonly storedByteSeconds: number;
  readonly launches: number;
  readonly resumes: number;
  readonly suspends: number;
}

export interface UsageDay extends UsageAmounts {
  readonly microvmId: string;
  readonly accountId: string;
  readonly day: string; // UTC, YYYY-MM-DD
  /** Baseline memory. */
  readonly memoryMiB: number;
}

/** How far a MicroVM that has not ended is counted, so that a later daemon counts on from there and nothing twice. */
export interface UsageCursor {
  readonly microvmId: string;
  readonly accountId: string;
  readonly memoryMiB: number;
  readonly phase: 'RUNNING' | 'SUSPENDED';
  /** On the steady timeline. */
  readonly countedUntil: number;
  /** The VMM's process, so that its CPU time is not mistaken for that of another with the same pid. */
  readonly process?: string | undefined;
  /** CPU seconds of that process that are counted. */
  readonly cpuCounted: number;
  /** What a suspend wrote last: what the next resume reads. */
  readonly snapshotBytes: number;
  /** Bytes on disk of the suspended MicroVM. */
  readonly storedBytes: number;
}

/** UTC days, both inclusive. */
export interface UsagePeriod {
  readonly from: string;
  readonly to: string;
}

export interface UsageTotals extends UsageAmounts {
  readonly microvms: number;
  /** Baseline memory × running time, MiB seconds. */
  readonly baselineMiBSeconds: number;
}

/** A version's snapshot on disk, kept after the version is deleted as its storage may be charged for longer. */
export interface StoredVersion {
  readonly imageArn: string;
  readonly version: string;
  readonly bytes: number;
  readonly storedFrom: number;
  readonly deletedAt?: number | undefined;
}

export interface UsageStore {
  usageCursors(): UsageCursor[];
  /** Adds the amounts to what the days hold (the greater of peaks), replaces cursors; all or nothing. */
  saveUsage(days: readonly UsageDay[], cursors: readonly UsageCursor[], ended: readonly string[]): void;
  usageTotals(accountId: string, period: UsagePeriod): UsageTotals;
  /** In order of days. */
  usageOfMicrovm(id: string): UsageDay[];
  /** Notes versions that are new since the last call, and those that are gone. */
  syncStoredVersions(now: number): void;
  storedVersions(accountId: string): StoredVersion[];
  /** Of all accounts, now: snapshots of versions that are kept, and what suspended MicroVMs have on disk. */
  snapshotBytes(): { readonly images: number; readonly microvms: number };
  /** Forgets days before that one, and versions deleted before that time. */
  pruneUsage(day: string, time: number): void;
}

export type LaunchKind = 'RUN' | 'RESUME';
export type LaunchPhase = 'queue' | 'restore' | 'fault-in' | 'hook' | 'first-byte';

/** How a launch or a resume went. Phases are in order and follow each other without gaps. */
export interface LaunchRecord {
  readonly microvmId: string;
  readonly kind: LaunchKind;
  /** FAILED: the last phase is the one it failed in. */
  readonly outcome: 'SUCCEEDED' | 'FAILED';
  readonly startedAt: number;
  /** ms with fraction; the start is counted from that of the launch. */
  readonly phases: readonly { readonly name: LaunchPhase; readonly startMs: number; readonly durationMs: number }[];
}

export interface LaunchStore {
  /** Of the newest launches of a MicroVM the newest `keep` stay. Answers a key to replace it by. No-op for a MicroVM without a record. */
  saveLaunch(launch: LaunchRecord, keep: number, replaces?: number): number;
  /** Newest first. */
  launchesOf(microvmId: string): LaunchRecord[];
}

/** One step of a build's last attempt. */
export interface BuildStepRecord {
  readonly name: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
}

export interface BuildStepStore {
  insertBuildStep(buildId: string, name: string, startedAt: number): void;
  /** Ends the step that is RUNNING, if there is one. */
  endBuildStep(buildId: string, status: 'SUCCEEDED' | 'FAILED', endedAt: number): void;
  deleteBuildSteps(buildId: string): void;
  /** In the order they began. */
  buildSteps(buildId: string): BuildStepRecord[];
}

export interface Store extends UsageStore, EventStore, LaunchStore, BuildStepStore {
  /** Throws when (accountId, name) is taken. */
  insertImage(image: ImageRecord): void;
  getImage(arn: string): ImageRecord | undefined;
  listImages(accountId: string, page: PageRequest): Page<ImageRecord>;
  updateImage(arn: string, change: Partial<Pick<ImageRecord, 'state' | 'latestActiveVersion' | 'latestFailedVersion' | 'tags' | 'updatedAt'>>): void;
  /** With its versions and builds. */
  deleteImage(arn: string): void;

  insertVersion(version: VersionRecord): void;
  getVersion(imageArn: string, version: string): VersionRecord | undefined;
  listVersions(imageArn: string, page: PageRequest): Page<VersionRecord>;
  updateVersion(imageArn: string, version: string, change: Partial<Pick<VersionRecord, 'state' | 'status' | 'stateReason' | 'updatedAt'>>): void;
  /** With its builds. */
  deleteVersion(imageArn: string, version: string): void;
  /** Major number of the newest version the image ever had, deleted ones included; 0 for none. */
  lastVersionNumber(imageArn: string): number;

  insertBuild(build: BuildRecord): void;
  getBuild(imageArn: string, version: string, buildId: string): BuildRecord | undefined;
  listBuilds(imageArn: string, version: string, page: PageRequest): Page<BuildRecord>;
  updateBuild(buildId: string, change: Partial<Pick<BuildRecord, 'state' | 'stateReason' | 'snapshotBuild' | 'attempts'>>): void;

  /** `runHookPayload` is a secret and no part of the record. */
  insertMicrovm(vm: MicrovmRecord, runHookPayload?: string): void;
  /** Undefined once it was forgotten, too. */
  runHookPayload(id: string): string | undefined;
  forgetRunHookPayload(id: string): void;
  getMicrovm(id: string): MicrovmRecord | undefined;
  getMicrovmByEndpoint(label: string): MicrovmRecord | undefined;
  listMicrovms(filter: MicrovmFilter, page: PageRequest): Page<MicrovmRecord>;
  /** All in any of the states, over all accounts: for start-up, timers and shutdown. */
  microvmsInStates(states: readonly MicrovmState[]): MicrovmRecord[];
  updateMicrovm(id: string, change: Partial<Pick<MicrovmRecord, 'state' | 'stateReason' | 'suspendedAt' | 'lastActivity' | 'terminatedAt' | 'resumeOnStart'>>): void;

  /** MicroVMs that ended before that time; of one account or of all. */
  countTerminated(before: number, accountId: string | undefined): number;
  /** Deletes so many of them at most, with their launches, and answers how many. */
  deleteTerminated(before: number, accountId: string | undefined, limit: number): number;

  /** For quotas: an account's images, in any state. */
  countImages(accountId: string): number;
  countVersions(imageArn: string): number;
  /** Baseline memory of an account's MicroVMs that neither ended nor are ending, MiB. */
  liveMemoryMiB(accountId: string): number;

  /** Images (over all accounts) in any of the states: for start-up. */
  imagesInStates(states: readonly ImageState[]): ImageRecord[];

  /** Throws when (accountId, name) is taken. */
  insertConnector(connector: ConnectorRecord): void;
  getConnector(id: string): ConnectorRecord | undefined;
  getConnectorByName(accountId: string, name: string): ConnectorRecord | undefined;
  listConnectors(filter: ConnectorFilter, page: PageRequest): Page<ConnectorRecord>;
  /** Over all accounts: for start-up. */
  unsettledConnectors(): ConnectorRecord[];
  countConnectors(accountId: string): number;
  updateConnector(id: string, change: Partial<Omit<ConnectorRecord, 'id' | 'arn' | 'accountId' | 'name'>>): void;
  deleteConnector(id: string): void;
  /** Is it a connector of a live MicroVM, or of an image's version? `arn` without a version suffix. */
  isConnectorInUse(arn: string): boolean;

  /** What a clientToken was first used for. */
  findIdempotent(key: IdempotencyKey): { readonly requestHash: string; readonly response: unknown } | undefined;
  rememberIdempotent(key: IdempotencyKey, requestHash: string, response: unknown): void;

  /** Runs `body` as one transaction. */
  transaction<T>(body: () => T): T;
  close(): void;
}

export interface MicrovmFilter {
  readonly accountId: string;
  readonly imageArn?: string | undefined;
  readonly imageVersion?: string | undefined;
}

export interface IdempotencyKey {
  readonly accountId: string;
  readonly operation: string;
  readonly clientToken: string;
}
