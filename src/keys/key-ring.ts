/** The access keys in force: those of `credentials.json`, read again when the file changes. */
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import { messageOf, OperatorError } from '../errors/index.js';
import { PolicyError, type PolicySet, type ReadPolicies } from '../iam/contracts.js';
import { credentialsFile, load, loadOrCreateCredentials, type Credentials } from './credentials.js';
import { fingerprint, watchFile } from './watched-file.js';

/** Who signs with it, and what they may do. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly sessionToken?: string | undefined;
  /** Absent: everything in the account. */
  readonly policies?: PolicySet | undefined;
  /** Whom a denial names. Absent: the IAM user of the key's id. */
  readonly principalArn?: string | undefined;
  /** ms since 1970; from then on it is refused. Absent: never. */
  readonly expiresAt?: number | undefined;
}

/** `sessionToken`: as the request has it; keys that are not kept here are told by it. */
export type FindKey = (accessKeyId: string, sessionToken?: string) => AccessKey | undefined;

export interface KeyRing {
  readonly find: FindKey;
  /** The first of the file, which `tardigrade env` prints. */
  readonly first: Credentials;
  close(): void;
}

export interface KeyRingDeps {
  readonly dataDir: string;
  /** Account of the keys that name none. */
  readonly accountId: string;
  readonly readPolicies: ReadPolicies;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Throws OperatorError when the file cannot be used at the start; later such a file leaves the old keys in force and
 * a warning in the log, without any of its values.
 */
export async function openKeyRing(deps: KeyRingDeps): Promise<KeyRing> {
  const path = credentialsFile(deps.dataDir);
  const seen = await fingerprint(path);
  const credentials = await loadOrCreateCredentials(deps.dataDir);
  const [first] = credentials;
  if (first === undefined) throw new OperatorError(`${path} holds no access key`);
  let keys = keysOf(credentials, deps);
  const close = watchFile({
    path, seen, clock: deps.clock,
    async changed() {
      const changed = await load(path);
      if (changed === undefined) throw new OperatorError(`${path} is gone`);
      keys = keysOf(changed, deps);
      deps.log.info({ keys: keys.size }, 'access keys read again');
    },
    failed: (error) => deps.log.warn({ reason: messageOf(error) }, 'access keys not read again: the old ones stay in force'),
  });
  return { find: (accessKeyId) => keys.get(accessKeyId), first, close };
}

/** Throws OperatorError naming the key whose policies cannot be read. */
export function keysOf(credentials: readonly Credentials[], { accountId, readPolicies }: Pick<KeyRingDeps, 'accountId' | 'readPolicies'>): ReadonlyMap<string, AccessKey> {
  return new Map(
    credentials.map((key) => {
      const policies = key.policies === undefined ? undefined : policiesOf(`access key ${key.accessKeyId}`, key.policies, readPolicies);
      return [key.accessKeyId, { ...key, accountId: key.accountId ?? accountId, policies }];
    }),
  );
}

/** Throws OperatorError naming whose policies cannot be read. */
export function policiesOf(whose: string, documents: readonly unknown[], readPolicies: ReadPolicies): PolicySet {
  try {
    return readPolicies(documents);
  } catch (error) {
    if (error instanceof PolicyError) throw new OperatorError(`the policies of ${whose} cannot be enforced: ${error.message}`);
    throw error;
  }
}
