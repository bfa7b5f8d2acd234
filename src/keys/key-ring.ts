/** The access keys in force: those of `credentials.json`, read again when the file changes. */
import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import { messageOf, OperatorError } from '../errors/index.js';
import { PolicyError, type PolicySet, type ReadPolicies } from '../iam/contracts.js';
import { credentialsFile, load, loadOrCreateCredentials, type Credentials } from './credentials.js';

/** Who signs with it, and what they may do. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly sessionToken?: string | undefined;
  /** Absent: everything in the account. */
  readonly policies?: PolicySet | undefined;
}

export type FindKey = (accessKeyId: string) => AccessKey | undefined;

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

/** Between two looks at the file. */
const CHECK_MS = 1000;

/**
 * Throws OperatorError when the file cannot be used at the start; later such a file leaves the old keys in force and
 * a warning in the log, without any of its values.
 */
export async function openKeyRing(deps: KeyRingDeps): Promise<KeyRing> {
  const path = credentialsFile(deps.dataDir);
  // Before the reading, so that a change in between is seen as one.
  let seen = await fingerprint(path);
  const credentials = await loadOrCreateCredentials(deps.dataDir);
  const [first] = credentials;
  if (first === undefined) throw new OperatorError(`${path} holds no access key`);
  let keys = keysOf(credentials, deps);
  let cancel: (() => void) | undefined;
  let closed = false;

  async function check(): Promise<void> {
    const now = await fingerprint(path);
    if (now === seen) return;
    seen = now;
    const changed = await load(path);
    if (changed === undefined) throw new OperatorError(`${path} is gone`);
    keys = keysOf(changed, deps);
    deps.log.info({ keys: keys.size }, 'access keys read again');
  }

  function checkLater(): void {
    if (closed) return;
    cancel = deps.clock.after(CHECK_MS, () => {
      check()
        .catch((error: unknown) => deps.log.warn({ reason: messageOf(error) }, 'access keys not read again: the old ones stay in force'))
        .finally(checkLater);
    });
  }

  checkLater();
  return {
    find: (accessKeyId) => keys.get(accessKeyId),
    first,
    close() {
      closed = true;
      cancel?.();
    },
  };
}

/** Throws OperatorError naming the key whose policies cannot be read. */
export function keysOf(credentials: readonly Credentials[], { accountId, readPolicies }: Pick<KeyRingDeps, 'accountId' | 'readPolicies'>): ReadonlyMap<string, AccessKey> {
  return new Map(
    credentials.map((key) => {
      const policies = key.policies === undefined ? undefined : policiesOf(key.accessKeyId, key.policies, readPolicies);
      return [key.accessKeyId, { ...key, accountId: key.accountId ?? accountId, policies }];
    }),
  );
}

function policiesOf(accessKeyId: string, documents: readonly unknown[], readPolicies: ReadPolicies): PolicySet {
  try {
    return readPolicies(documents);
  } catch (error) {
    if (error instanceof PolicyError) throw new OperatorError(`the policies of access key ${accessKeyId} cannot be enforced: ${error.message}`);
    throw error;
  }
}

/** Changes with any write or replacement. */
async function fingerprint(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino, mode } = await stat(path);
    return [mtimeMs, ctimeMs, size, ino, mode].join(' ');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'gone';
    throw error;
  }
}
