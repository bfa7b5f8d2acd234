/**
 * All settings, from the environment and a file. Each has a default; a bad value is refused with its place, name, value
 * and rule.
 */
import { z } from 'zod';
import { OperatorError } from '../errors/index.js';
import type { SettingsFile } from './file.js';
import { createSources, type Sources } from './sources.js';

export interface Config {
  /** Records, keys, images, MicroVMs, buckets. */
  readonly dataDir: string;
  /** Kernel, initramfs, base images, builder: rebuilt at need, shared by several data folders. */
  readonly assetsDir: string;
  readonly apiHost: string;
  readonly apiPort: number; // 0 = any free port
  readonly endpointHost: string;
  readonly endpointPort: number; // 0 = any free port
  /** Endpoints are `<uuid>.microvm.<domain>`. */
  readonly domain: string;
  /** PEM files of the operator's own endpoint certificate; both or neither. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  readonly region: string;
  readonly accountId: string;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** Is a request for an architecture this host does not have taken as advice, or refused? */
  readonly architecture: 'advice' | 'strict';
  /** IPv4 range the links take their /31 from; must be unused on the host. */
  readonly linkCidr: string;
  /** Destinations no guest may reach, besides other guests and the host itself. */
  readonly egressDeny: readonly string[];
  /** Networks made ahead, so that a launch need not wait for one. */
  readonly linkPoolSize: number;
  /** What one guest may use of the host's network: packets and new connections a second, connections at once, KiB a second each way. */
  readonly linkPackets: number;
  readonly linkNewConnections: number;
  readonly linkConnections: number;
  readonly linkBandwidthKiB?: number | undefined;
  /** JSON file that says what subnets and security groups of connectors are on this host (docs/networking.md). */
  readonly networksFile?: string | undefined;
  /** Which connections of guests are logged. */
  readonly egressLog: 'all' | 'denied' | 'off';
  /** User and group ids that are VMMs' alone: one for each VM, and the first for what VMs share. */
  readonly vmmIds: { readonly first: number; readonly count: number };
  /** What SIGTERM does with running MicroVMs: leaves them to the next daemon, or suspends them. */
  readonly onSigterm: 'keep' | 'suspend';
  /** No rates or account quotas: a private machine. */
  readonly unlimited: boolean;
  /** JSON file with limits that differ from the profile's (docs/identity.md). */
  readonly limitsFile?: string | undefined;
  /** JSON file with prices that differ from AWS's (docs/usage.md). */
  readonly pricesFile?: string | undefined;
  /** What one MicroVM may use of the endpoint: nothing limits it, or AWS's figures for its size. */
  readonly vmLimits: 'none' | 'aws';
  /** Clients' connections to one MicroVM at once, over what the profile says. */
  readonly vmConnections?: number | undefined;
  /** KiB per second of one MicroVM, both ways together, over what the profile says. */
  readonly vmBandwidthKiB?: number | undefined;
  /** Are images and MicroVMs made from now on encrypted with their account's key (docs/encryption.md)? */
  readonly encryption: boolean;
  /** 32 bytes that wrap the accounts' keys; absent: in the data folder. */
  readonly masterKeyFile?: string | undefined;
  /** MiB per second of each VM's disk, reads and writes together. */
  readonly vmDiskMiB?: number | undefined;
  /** MiB of layers kept of each account's builds; 0: none. */
  readonly buildCacheMiB: number;
  readonly logLevel: string;
  /** MiB kept of one log stream, and of all streams of an account; the oldest events go first. */
  readonly logStreamMaxMiB: number;
  readonly logAccountMaxMiB: number;
  /** Days that log groups without a retention policy keep events; absent: for good. */
  readonly logRetentionDays?: number | undefined;
  /** Events kept: so many hours, and so many of each account (docs/events.md). */
  readonly eventHours: number;
  readonly eventsPerAccount: number;
  /** Who is told of the events of all accounts; none: nobody. */
  readonly webhooks?: WebhookConfig | undefined;
  /** MiB kept of each account's audit log; 0: none is written (docs/audit.md). */
  readonly auditMaxMiB: number;
  /** OpenTelemetry collector that takes spans by OTLP/HTTP; absent: none are made (docs/tracing.md). */
  readonly otlpEndpoint?: string | undefined;
  /** Hops an answer of the metadata service goes: 1 is the guest itself, 2 a container in it that has its own network. */
  readonly metadataHopLimit: number;
  /** May guests reach the API, with the credentials of their execution roles? */
  readonly guestApi: boolean;
  /** Who gives credentials of execution roles instead of this server itself. */
  readonly sts?: StsConfig | undefined;
  /** Where code artifacts are read from instead of this server's own buckets. */
  readonly externalS3?: ExternalS3Config | undefined;
}

export interface ExternalS3Config {
  /** http(s) URL; buckets are addressed by path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface WebhookConfig {
  /** http(s) URLs */
  readonly urls: readonly string[];
  /** What deliveries are signed with; read at each use. */
  readonly secretFile: string;
}

export interface StsConfig {
  /** http(s) URL */
  readonly endpoint: string;
  readonly region: string;
  /** The operator's own, which may take the roles; or, read at each use, the JSON file that has them. */
  readonly credentials: Omit<ExternalS3Config, 'endpoint' | 'region'> | { readonly file: string };
}

const url = (example: string) => z.string().regex(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, `must be a URL like ${example}`);
const port = z.coerce.number().int().min(0).max(65535);
const cidr = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'must be an IPv4 range like 198.18.0.0/15');
const ids = z.string().regex(/^\d{1,9}-\d{1,10}$/, 'must be a range like 300000-365535')
  .transform((text) => text.split('-').map(Number) as [number, number])
  // From 2^31 on, ids are not everywhere what they seem.
  .refine(([first, last]) => first >= 1 && last > first && last < 2 ** 31, 'must be a range like 300000-365535: two ids at least, none of them 0')
  .transform(([first, last]) => ({ first, count: last - first + 1 }));
const list = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter(Boolean));

/** By variable; in a file each is under the key that keys.ts makes of it. */
export const schema = z.object({
  TARDIGRADE_DATA_DIR: z.string().default('/var/lib/tardigrade'),
  TARDIGRADE_ASSETS_DIR: z.string().default('/var/lib/tardigrade/assets'),
  TARDIGRADE_API_HOST: z.string().default('127.0.0.1'),
  TARDIGRADE_API_PORT: port.default(7400),
  TARDIGRADE_ENDPOINT_HOST: z.string().default('127.0.0.1'),
  TARDIGRADE_ENDPOINT_PORT: port.default(7443),
  TARDIGRADE_DOMAIN: z.string().regex(/^[a-z0-9.-]+$/, 'must be a lower-case DNS name').default('localhost'),
  TARDIGRADE_TLS_CERT_FILE: z.string().optional(),
  TARDIGRADE_TLS_KEY_FILE: z.string().optional(),
  TARDIGRADE_REGION: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must look like us-east-1').default('us-east-1'),
  TARDIGRADE_ACCOUNT_ID: z.string().regex(/^\d{12}$/, 'must be 12 digits').default('000000000000'),
  TARDIGRADE_ACCELERATOR: z.enum(['auto', 'kvm', 'tcg']).default('auto'),
  TARDIGRADE_ARCHITECTURE: z.enum(['advice', 'strict']).default('advice'),
  TARDIGRADE_LINK_CIDR: cidr.default('198.18.0.0/15'),
  TARDIGRADE_EGRESS_DENY: list.pipe(z.array(cidr)).default(['169.254.0.0/16']),
  TARDIGRADE_LINK_POOL: z.coerce.number().int().min(0).max(64).default(4),
  TARDIGRADE_LINK_PACKETS: z.coerce.number().int().min(100).max(10_000_000).default(50_000),
  TARDIGRADE_LINK_NEW_CONNECTIONS: z.coerce.number().int().min(1).max(1_000_000).default(200),
  TARDIGRADE_LINK_CONNECTIONS: z.coerce.number().int().min(1).max(1_000_000).default(4096),
  TARDIGRADE_LINK_BANDWIDTH_KIB: z.coerce.number().int().min(16).max(1_000_000_000).optional(),
  TARDIGRADE_NETWORKS_FILE: z.string().optional(),
  TARDIGRADE_EGRESS_LOG: z.enum(['all', 'denied', 'off']).default('all'),
  TARDIGRADE_VMM_IDS: ids.prefault('300000-365535'),
  TARDIGRADE_ON_SIGTERM: z.enum(['keep', 'suspend']).default('keep'),
  TARDIGRADE_UNLIMITED: z.enum(['0', '1']).default('0'),
  TARDIGRADE_LIMITS_FILE: z.string().optional(),
  TARDIGRADE_PRICES_FILE: z.string().optional(),
  TARDIGRADE_VM_LIMITS: z.enum(['none', 'aws']).default('none'),
  TARDIGRADE_VM_CONNECTIONS: z.coerce.number().int().min(1).max(1_000_000).optional(),
  TARDIGRADE_VM_BANDWIDTH_KIB: z.coerce.number().int().min(1).max(1_000_000_000).optional(),
  TARDIGRADE_ENCRYPTION: z.enum(['0', '1']).default('0'),
  TARDIGRADE_MASTER_KEY_FILE: z.string().min(1).optional(),
  TARDIGRADE_VM_DISK_MIB: z.coerce.number().int().min(1).max(1_048_576).optional(),
  TARDIGRADE_BUILD_CACHE_MIB: z.coerce.number().int().min(0).max(1_048_576).default(4096),
  TARDIGRADE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  TARDIGRADE_LOG_STREAM_MAX_MIB: z.coerce.number().int().min(1).max(65_536).default(32),
  TARDIGRADE_LOG_ACCOUNT_MAX_MIB: z.coerce.number().int().min(1).max(1_048_576).default(1024),
  TARDIGRADE_LOG_RETENTION_DAYS: z.coerce.number().int().min(1).max(3653).optional(),
  TARDIGRADE_EVENT_HOURS: z.coerce.number().int().min(1).max(8760).default(24),
  TARDIGRADE_EVENTS_PER_ACCOUNT: z.coerce.number().int().min(100).max(10_000_000).default(10_000),
  TARDIGRADE_WEBHOOK_URLS: list.pipe(z.array(url('https://example.com/hook')).min(1).max(16)).optional(),
  TARDIGRADE_WEBHOOK_SECRET_FILE: z.string().min(1).optional(),
  // Less would be gone with one batch of records.
  TARDIGRADE_AUDIT_MAX_MIB: z.coerce.number().int().min(0).max(1_048_576).refine((size) => size === 0 || size >= 8, 'must be 0 or at least 8').default(256),
  TARDIGRADE_OTLP_ENDPOINT: url('http://127.0.0.1:4318').optional(),
  TARDIGRADE_METADATA_HOP_LIMIT: z.coerce.number().int().min(1).max(64).default(1),
  TARDIGRADE_GUEST_API: z.enum(['0', '1']).default('0'),
  TARDIGRADE_STS_ENDPOINT: url('https://sts.us-east-1.amazonaws.com').optional(),
  TARDIGRADE_STS_REGION: z.string().min(1).optional(),
  TARDIGRADE_STS_ACCESS_KEY_ID: z.string().min(1).optional(),
  TARDIGRADE_STS_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  TARDIGRADE_STS_SESSION_TOKEN: z.string().min(1).optional(),
  TARDIGRADE_STS_CREDENTIALS_FILE: z.string().min(1).optional(),
  TARDIGRADE_S3_ENDPOINT: url('https://s3.example.com').optional(),
  TARDIGRADE_S3_REGION: z.string().min(1).optional(),
  TARDIGRADE_S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  TARDIGRADE_S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  TARDIGRADE_S3_SESSION_TOKEN: z.string().min(1).optional(),
});

/** The environment wins over the file. Throws OperatorError that names each bad value, its place and its rule. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, file?: SettingsFile): Config {
  const sources = createSources(Object.keys(schema.shape), env, file);
  const parsed = schema.safeParse(sources.texts);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${sources.describe(String(issue.path[0]))}: ${issue.message}`);
    throw new OperatorError(`bad settings:\n  ${lines.join('\n  ')}`);
  }
  const v = parsed.data;
  if ((v.TARDIGRADE_TLS_CERT_FILE === undefined) !== (v.TARDIGRADE_TLS_KEY_FILE === undefined)) {
    throw new OperatorError(`TARDIGRADE_TLS_CERT_FILE and TARDIGRADE_TLS_KEY_FILE go together: set both or neither${sources.places('TARDIGRADE_TLS_')}`);
  }
  return {
    dataDir: v.TARDIGRADE_DATA_DIR,
    assetsDir: v.TARDIGRADE_ASSETS_DIR,
    apiHost: v.TARDIGRADE_API_HOST,
    apiPort: v.TARDIGRADE_API_PORT,
    endpointHost: v.TARDIGRADE_ENDPOINT_HOST,
    endpointPort: v.TARDIGRADE_ENDPOINT_PORT,
    domain: v.TARDIGRADE_DOMAIN,
    tlsCertFile: v.TARDIGRADE_TLS_CERT_FILE,
    tlsKeyFile: v.TARDIGRADE_TLS_KEY_FILE,
    region: v.TARDIGRADE_REGION,
    accountId: v.TARDIGRADE_ACCOUNT_ID,
    accelerator: v.TARDIGRADE_ACCELERATOR,
    architecture: v.TARDIGRADE_ARCHITECTURE,
    linkCidr: v.TARDIGRADE_LINK_CIDR,
    egressDeny: v.TARDIGRADE_EGRESS_DENY,
    linkPoolSize: v.TARDIGRADE_LINK_POOL,
    linkPackets: v.TARDIGRADE_LINK_PACKETS,
    linkNewConnections: v.TARDIGRADE_LINK_NEW_CONNECTIONS,
    linkConnections: v.TARDIGRADE_LINK_CONNECTIONS,
    linkBandwidthKiB: v.TARDIGRADE_LINK_BANDWIDTH_KIB,
    networksFile: v.TARDIGRADE_NETWORKS_FILE,
    egressLog: v.TARDIGRADE_EGRESS_LOG,
    vmmIds: v.TARDIGRADE_VMM_IDS,
    onSigterm: v.TARDIGRADE_ON_SIGTERM,
    unlimited: v.TARDIGRADE_UNLIMITED === '1',
    limitsFile: v.TARDIGRADE_LIMITS_FILE,
    pricesFile: v.TARDIGRADE_PRICES_FILE,
    vmLimits: v.TARDIGRADE_VM_LIMITS,
    vmConnections: v.TARDIGRADE_VM_CONNECTIONS,
    vmDiskMiB: v.TARDIGRADE_VM_DISK_MIB,
    buildCacheMiB: v.TARDIGRADE_BUILD_CACHE_MIB,
    vmBandwidthKiB: v.TARDIGRADE_VM_BANDWIDTH_KIB,
    encryption: v.TARDIGRADE_ENCRYPTION === '1',
    masterKeyFile: v.TARDIGRADE_MASTER_KEY_FILE,
    logLevel: v.TARDIGRADE_LOG_LEVEL,
    logStreamMaxMiB: v.TARDIGRADE_LOG_STREAM_MAX_MIB,
    logAccountMaxMiB: v.TARDIGRADE_LOG_ACCOUNT_MAX_MIB,
    logRetentionDays: v.TARDIGRADE_LOG_RETENTION_DAYS,
    eventHours: v.TARDIGRADE_EVENT_HOURS,
    eventsPerAccount: v.TARDIGRADE_EVENTS_PER_ACCOUNT,
    webhooks: webhooks(v, sources),
    auditMaxMiB: v.TARDIGRADE_AUDIT_MAX_MIB,
    otlpEndpoint: v.TARDIGRADE_OTLP_ENDPOINT,
    metadataHopLimit: v.TARDIGRADE_METADATA_HOP_LIMIT,
    guestApi: v.TARDIGRADE_GUEST_API === '1',
    sts: sts(v, sources),
    externalS3: externalS3(v, sources),
  };
}

function externalS3(v: z.infer<typeof schema>, sources: Sources): ExternalS3Config | undefined {
  const { TARDIGRADE_S3_ENDPOINT: endpoint, TARDIGRADE_S3_ACCESS_KEY_ID: accessKeyId, TARDIGRADE_S3_SECRET_ACCESS_KEY: secretAccessKey } = v;
  if (endpoint === undefined && accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    throw new OperatorError(`TARDIGRADE_S3_ENDPOINT, TARDIGRADE_S3_ACCESS_KEY_ID and TARDIGRADE_S3_SECRET_ACCESS_KEY go together: set all or none${sources.places('TARDIGRADE_S3_')}`);
  }
  return { endpoint, accessKeyId, secretAccessKey, region: v.TARDIGRADE_S3_REGION ?? v.TARDIGRADE_REGION, sessionToken: v.TARDIGRADE_S3_SESSION_TOKEN };
}

function webhooks({ TARDIGRADE_WEBHOOK_URLS: urls, TARDIGRADE_WEBHOOK_SECRET_FILE: secretFile }: z.infer<typeof schema>, sources: Sources): WebhookConfig | undefined {
  if (urls === undefined && secretFile === undefined) return undefined;
  if (urls === undefined || secretFile === undefined) throw new OperatorError(`TARDIGRADE_WEBHOOK_URLS and TARDIGRADE_WEBHOOK_SECRET_FILE go together: set both or neither${sources.places('TARDIGRADE_WEBHOOK_')}`);
  return { urls: [...new Set(urls)], secretFile };
}

function sts(v: z.infer<typeof schema>, sources: Sources): StsConfig | undefined {
  const { TARDIGRADE_STS_ENDPOINT: endpoint, TARDIGRADE_STS_ACCESS_KEY_ID: accessKeyId, TARDIGRADE_STS_SECRET_ACCESS_KEY: secretAccessKey, TARDIGRADE_STS_CREDENTIALS_FILE: file } = v;
  const key = accessKeyId !== undefined && secretAccessKey !== undefined ? { accessKeyId, secretAccessKey, sessionToken: v.TARDIGRADE_STS_SESSION_TOKEN } : undefined;
  const partial = (accessKeyId === undefined) !== (secretAccessKey === undefined);
  if (endpoint === undefined && file === undefined && key === undefined && !partial) return undefined;
  if (endpoint === undefined || partial || (file === undefined) === (key === undefined)) {
    throw new OperatorError(`TARDIGRADE_STS_ENDPOINT needs credentials that may take the roles: either TARDIGRADE_STS_ACCESS_KEY_ID and TARDIGRADE_STS_SECRET_ACCESS_KEY, or TARDIGRADE_STS_CREDENTIALS_FILE, and they need it${sources.places('TARDIGRADE_STS_')}`);
  }
  return { endpoint, region: v.TARDIGRADE_STS_REGION ?? v.TARDIGRADE_REGION, credentials: key ?? { file: file ?? '' } };
}
