/** What is known of a request by the time it is answered: for the log, the audit log and traces. The fronts fill it in as they learn it. */
import type { AccessKey, FindKey } from '../keys/key-ring.js';
import type { ServedRequest } from './contracts.js';

export interface RequestFacts {
  service: ServedRequest['service'];
  operation: string | undefined;
  /** Whose key the request names. */
  key: AccessKey | undefined;
  /** Its signature holds. */
  proven: boolean;
  parameters: unknown;
  response: unknown;
  error: ServedRequest['error'];
}

export function newFacts(): RequestFacts {
  return { service: 'lambda', operation: undefined, key: undefined, proven: false, parameters: undefined, response: undefined, error: undefined };
}

/** As `auth`, and notes whose key was found: a refusal, too, is that account's business. */
export function noting<T extends { readonly findKey: FindKey }>(auth: T, facts: RequestFacts): T {
  return {
    ...auth,
    findKey(accessKeyId: string, sessionToken?: string) {
      facts.key = auth.findKey(accessKeyId, sessionToken);
      return facts.key;
    },
  };
}
