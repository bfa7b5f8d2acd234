/** Credentials from STS, kept in memory for as long as they are of use. A guest's many questions are one to STS. */
import type { Clock } from '../../clock/index.js';
import type { AssumeRoleOutcome } from '../../metrics/contracts.js';
import { type RoleCredentials, type RoleCredentialSource, RoleDeniedError, RoleUnavailableError } from '../contracts.js';
import { RENEW_BEFORE_MS } from '../local-credentials.js';
import type { AssumeRole } from './assume-role.js';

/** ms for which a failure is the answer to whoever asks, so that a guest that asks on and on does not become a load on STS. */
const FAILURE_MS = 10_000;

export interface StsCredentialsDeps {
  readonly assumeRole: AssumeRole;
  readonly clock: Clock;
  /** Each call of AssumeRole, its tries together. */
  readonly called: (outcome: AssumeRoleOutcome) => void;
}

interface Entry {
  current?: RoleCredentials;
  failure?: { readonly error: Error; readonly until: number };
  asking?: Promise<RoleCredentials>;
}

export function createStsCredentials({ assumeRole, clock, called }: StsCredentialsDeps): RoleCredentialSource {
  const entries = new Map<string, Entry>();

  async function ask(entry: Entry, roleArn: string, sessionName: string): Promise<RoleCredentials> {
    try {
      entry.current = await assumeRole(roleArn, sessionName);
      delete entry.failure;
      called('assumed');
      return entry.current;
    } catch (error) {
      if (!(error instanceof RoleDeniedError || error instanceof RoleUnavailableError)) throw error;
      called(error instanceof RoleDeniedError ? 'denied' : 'unavailable');
      entry.failure = { error, until: clock.now() + FAILURE_MS };
      throw error;
    } finally {
      delete entry.asking;
    }
  }

  function entryOf(id: string): Entry {
    const found = entries.get(id);
    if (found !== undefined) return found;
    // A MicroVM that is new here: the time to forget what is of no use to any.
    const now = clock.now();
    for (const [other, { current, failure, asking }] of entries) {
      if (asking === undefined && (current?.expiration ?? 0) <= now && (failure?.until ?? 0) <= now) entries.delete(other);
    }
    const entry: Entry = {};
    entries.set(id, entry);
    return entry;
  }

  return {
    async credentialsOf({ id, roleArn }) {
      const entry = entryOf(id);
      const now = clock.now();
      const left = (entry.current?.expiration ?? 0) - now;
      if (entry.current !== undefined && left > RENEW_BEFORE_MS) return entry.current;
      const failed = entry.failure !== undefined && entry.failure.until > now ? entry.failure.error : undefined;
      const asking = failed === undefined ? (entry.asking ??= ask(entry, roleArn, id)) : Promise.reject(failed);
      if (entry.current === undefined || left <= 0) return asking;
      // Those there are will do while STS is asked, and also when it cannot be: the failure is counted and noted.
      asking.catch(() => undefined);
      return entry.current;
    },
  };
}
