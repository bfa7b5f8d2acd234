/** The metadata layer, put together: local credentials, or those of an STS that the operator names. */
import type { Logger } from 'pino';
import { z } from 'zod';
import { signRequest, type SigningKey } from '../api/sigv4/sign.js';
import type { Clock } from '../clock/index.js';
import type { Config, StsConfig } from '../config/config.js';
import { OperatorError } from '../errors/index.js';
import { readPrivateJson } from '../files/private-files.js';
import { createRoleSessions, type RoleSessions } from '../keys/role-sessions.js';
import type { Roles } from '../keys/roles.js';
import { createLocalCredentials } from '../metadata/local-credentials.js';
import type { Guests, MetadataServer, RoleCredentialSource } from '../metadata/contracts.js';
import { createMetadataServer } from '../metadata/server.js';
import { createSourceLimits } from '../metadata/source-limits.js';
import { createAssumeRole } from '../metadata/sts/assume-role.js';
import { createStsCredentials } from '../metadata/sts/sts-credentials.js';
import { createSessionTokens } from '../metadata/tokens.js';
import { firstZoneId } from '../metadata/zone.js';
import type { Metrics } from '../metrics/contracts.js';
import { GUEST_NET, type GuestServices } from '../network/contracts.js';
import type { Store } from '../store/contracts.js';

/** What one guest may ask of the metadata service; SDKs ask for credentials every few minutes. */
const METADATA_LIMITS = { connections: 16, perSecond: 100, burst: 200 } as const;
/** Connections of one guest to the API; requests are limited by the account's rates. */
const API_LIMITS = { connections: 32, perSecond: 50, burst: 100 } as const;

const keySchema = z.strictObject({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1), sessionToken: z.string().min(1).optional() });

/** Credentials of MicroVMs that there are, with the rights `roles` gives now. */
export function roleSessionsOf(secret: Buffer, roles: Roles, store: Pick<Store, 'getMicrovm'>): RoleSessions {
  return createRoleSessions({
    secret,
    policiesOf: (arn) => roles.policiesOf(arn),
    holds({ microvmId, accountId, roleArn }) {
      const vm = store.getMicrovm(microvmId);
      return vm !== undefined && vm.state !== 'TERMINATED' && vm.accountId === accountId && vm.executionRoleArn === roleArn;
    },
  });
}

/** What guests reach of this host. */
export function servicesOf({ guestApi, metadataHopLimit }: Pick<Config, 'guestApi' | 'metadataHopLimit'>): Omit<GuestServices, 'address'> {
  return { ports: [GUEST_NET.metadataPort, ...(guestApi ? [GUEST_NET.apiPort] : [])], hopLimit: metadataHopLimit };
}

export interface MetadataParts {
  readonly config: Pick<Config, 'region' | 'sts'>;
  readonly secret: Buffer;
  readonly sessions: RoleSessions;
  readonly guests: Guests;
  readonly store: Pick<Store, 'getImage'>;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export function createMetadata({ config, secret, sessions, guests, store, clock, metrics, logger }: MetadataParts): MetadataServer {
  const { region, sts } = config;
  return createMetadataServer({
    guests, region,
    zoneId: firstZoneId(region),
    tokens: createSessionTokens(secret, () => clock.steady()),
    credentials: sts === undefined ? createLocalCredentials(sessions, () => clock.now()) : fromSts(sts, clock, metrics),
    tagsOf: (imageArn) => store.getImage(imageArn)?.tags ?? {},
    limits: createSourceLimits({ ...METADATA_LIMITS, steady: () => clock.steady() }),
    now: () => clock.now(),
    steady: () => clock.steady(),
    log: logger,
  });
}

/** Who may connect to the API from inside a guest. */
export function admitGuests(guests: Guests, clock: Clock): (sourceAddress: string) => (() => void) | undefined {
  const limits = createSourceLimits({ ...API_LIMITS, steady: () => clock.steady() });
  return (address) => (guests.at(address) === undefined ? undefined : limits.connect(address));
}

function fromSts({ endpoint, region, credentials }: StsConfig, clock: Clock, metrics: Metrics): RoleCredentialSource {
  const assumeRole = createAssumeRole({
    endpoint, clock,
    sign: async (request) => signRequest(request, 'file' in credentials ? await keyIn(credentials.file) : credentials, { region, service: 'sts' }, clock.now()),
  });
  return createStsCredentials({ assumeRole, clock, called: (outcome) => metrics.assumedRole(outcome) });
}

/** Read at each use, so that whoever rotates it need tell nobody. */
async function keyIn(file: string): Promise<SigningKey> {
  const read = await readPrivateJson(file, 'a secret key');
  const parsed = keySchema.safeParse(read?.value);
  // The values are secrets: the message names places alone.
  if (!parsed.success) throw new OperatorError(`${file} does not hold { "accessKeyId", "secretAccessKey", "sessionToken"? } (${read === undefined ? 'there is no such file' : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.code}`).join('; ')})`);
  return parsed.data;
}
