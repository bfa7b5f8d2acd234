/** All settings, from the environment. Each has a default; a bad value is refused with its name and rule. */
import { z } from 'zod';
import { OperatorError } from '../errors/index.js';

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
  /** MiB of layers kept of each account's builds; 0: none. */
  readonly buildCacheMiB: number;
  readonly logLevel: string;
  /** MiB kept of one log stream, and of all streams of an account; the oldest events go first. */
  readonly logStreamMaxMiB: number;
  readonly logAccountMaxMiB: number;
  /** Days that log groups without a retention policy keep events; absent: for good. */
  readonly logRetentionDays?: number | undefined;
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

const port = z.coerce.number().int().min(0).max(65535);
const cidr = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'must be an IPv4 range like 198.18.0.0/15');
const list = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter(Boolean));

const schema = z.object({
  TARDIGRADE_DATA_DIR: z.string().default('/var/lib/tardigrade'),
  TARDIGRADE_ASSETS_DIR: z.string().optional(),
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
  TARDIGRADE_ON_SIGTERM: z.enum(['keep', 'suspend']).default('keep'),
  TARDIGRADE_UNLIMITED: z.enum(['0', '1']).default('0'),
  TARDIGRADE_LIMITS_FILE: z.string().optional(),
  TARDIGRADE_PRICES_FILE: z.string().optional(),
  TARDIGRADE_VM_LIMITS: z.enum(['none', 'aws']).default('none'),
  TARDIGRADE_VM_CONNECTIONS: z.coerce.number().int().min(1).max(1_000_000).optional(),
  TARDIGRADE_VM_BANDWIDTH_KIB: z.coerce.number().int().min(1).max(1_000_000_000).optional(),
  TARDIGRADE_BUILD_CACHE_MIB: z.coerce.number().int().min(0).max(1_048_576).default(4096),
  TARDIGRADE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  TARDIGRADE_LOG_STREAM_MAX_MIB: z.coerce.number().int().min(1).max(65_536).default(32),
  TARDIGRADE_LOG_ACCOUNT_MAX_MIB: z.coerce.number().int().min(1).max(1_048_576).default(1024),
  TARDIGRADE_LOG_RETENTION_DAYS: z.coerce.number().int().min(1).max(3653).optional(),
  TARDIGRADE_S3_ENDPOINT: z.string().regex(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, 'must be a URL like https://s3.example.com').optional(),
  TARDIGRADE_S3_REGION: z.string().min(1).optional(),
  TARDIGRADE_S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  TARDIGRADE_S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  TARDIGRADE_S3_SESSION_TOKEN: z.string().min(1).optional(),
});

/** Throws OperatorError that names each bad variable and its rule. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new OperatorError(`bad settings:\n  ${lines.join('\n  ')}`);
  }
  const v = parsed.data;
  if ((v.TARDIGRADE_TLS_CERT_FILE === undefined) !== (v.TARDIGRADE_TLS_KEY_FILE === undefined)) {
    throw new OperatorError('TARDIGRADE_TLS_CERT_FILE and TARDIGRADE_TLS_KEY_FILE go together: set both or neither');
  }
  return {
    dataDir: v.TARDIGRADE_DATA_DIR,
    assetsDir: v.TARDIGRADE_ASSETS_DIR ?? '/var/lib/tardigrade/assets',
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
    onSigterm: v.TARDIGRADE_ON_SIGTERM,
    unlimited: v.TARDIGRADE_UNLIMITED === '1',
    limitsFile: v.TARDIGRADE_LIMITS_FILE,
    pricesFile: v.TARDIGRADE_PRICES_FILE,
    vmLimits: v.TARDIGRADE_VM_LIMITS,
    vmConnections: v.TARDIGRADE_VM_CONNECTIONS,
    buildCacheMiB: v.TARDIGRADE_BUILD_CACHE_MIB,
    vmBandwidthKiB: v.TARDIGRADE_VM_BANDWIDTH_KIB,
    logLevel: v.TARDIGRADE_LOG_LEVEL,
    logStreamMaxMiB: v.TARDIGRADE_LOG_STREAM_MAX_MIB,
    logAccountMaxMiB: v.TARDIGRADE_LOG_ACCOUNT_MAX_MIB,
    logRetentionDays: v.TARDIGRADE_LOG_RETENTION_DAYS,
    externalS3: externalS3(v),
  };
}

function externalS3(v: z.infer<typeof schema>): ExternalS3Config | undefined {
  const { TARDIGRADE_S3_ENDPOINT: endpoint, TARDIGRADE_S3_ACCESS_KEY_ID: accessKeyId, TARDIGRADE_S3_SECRET_ACCESS_KEY: secretAccessKey } = v;
  if (endpoint === undefined && accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    throw new OperatorError('TARDIGRADE_S3_ENDPOINT, TARDIGRADE_S3_ACCESS_KEY_ID and TARDIGRADE_S3_SECRET_ACCESS_KEY go together: set all or none');
  }
  return { endpoint, accessKeyId, secretAccessKey, region: v.TARDIGRADE_S3_REGION ?? v.TARDIGRADE_REGION, sessionToken: v.TARDIGRADE_S3_SESSION_TOKEN };
}
