/** Credentials that our own API accepts, for as long as the MicroVM is there, limited to what `roles.json` gives the role. */
import type { RoleSessions } from '../keys/role-sessions.js';
import { RoleDeniedError, type RoleCredentialSource } from './contracts.js';

const MINUTE_MS = 60_000;
/** As on the live service: `Expiration` ≈ 55 minutes after `LastUpdated` (spec §8.3). */
export const LIFETIME_MS = 55 * MINUTE_MS;
/**
 * What is left of the old ones when there are fresh ones. 15 minutes before the end is when botocore, the first of the
 * SDKs to do so, begins to ask for others, and it asks at each call until it gets them. Unknown: metadata-rotation
 */
export const RENEW_BEFORE_MS = 15 * MINUTE_MS;
const PERIOD_MS = LIFETIME_MS - RENEW_BEFORE_MS;

/**
 * The first ones are of the time of the Run, further ones follow at even distances, and the same are made for the same
 * time: also by the next daemon, and after a suspend shorter than their life.
 */
export function createLocalCredentials(sessions: Pick<RoleSessions, 'issue'>, now: () => number): RoleCredentialSource {
  return {
    credentialsOf({ id, accountId, startedAt, roleArn }) {
      // IAM lets no service be passed a role of another account.
      if (roleArn.split(':')[4] !== accountId) {
        const message = `The role ${roleArn} is not one of account ${accountId}, whose MicroVM this is.`;
        return Promise.reject(new RoleDeniedError(message, message));
      }
      const first = Math.floor(startedAt / 1000) * 1000;
      const lastUpdated = first + Math.max(0, Math.floor((now() - first) / PERIOD_MS)) * PERIOD_MS;
      const expiration = lastUpdated + LIFETIME_MS;
      const { accessKeyId, secretAccessKey, sessionToken } = sessions.issue({ microvmId: id, accountId, roleArn, expiresAt: expiration });
      return Promise.resolve({ accessKeyId, secretAccessKey, token: sessionToken, lastUpdated, expiration });
    },
  };
}
