/** clientToken (spec §2.0): the same token and parameters give the first response again; other parameters are a conflict. */
import { createHash } from 'node:crypto';
import { ConflictError, type ResourceType } from '../errors/index.js';
import type { Store } from '../store/contracts.js';

export type IdempotencyStore = Pick<Store, 'findIdempotent' | 'rememberIdempotent' | 'transaction'>;

export interface IdempotentRequest {
  readonly accountId: string;
  readonly operation: string;
  readonly clientToken: string | undefined;
  /** Without the token. Only its hash is kept. */
  readonly input: unknown;
  readonly resourceType: ResourceType;
  /** The id of what the response is about, for the conflict's answer. */
  readonly resourceIdOf: (response: Readonly<Record<string, unknown>>) => string;
}

/** `work` is synchronous: between looking the token up and remembering it no other request can run. */
export function idempotent(store: IdempotencyStore, request: IdempotentRequest, work: () => Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { accountId, operation, clientToken } = request;
  if (clientToken === undefined) return work();
  const key = { accountId, operation, clientToken };
  const hash = createHash('sha256').update(canonicalJson(request.input)).digest('hex');
  const before = store.findIdempotent(key);
  if (before === undefined) {
    // Together or not at all: a caller who got no answer, because the daemon ended, must not get a second resource.
    return store.transaction(() => {
      const response = work();
      store.rememberIdempotent(key, hash, response);
      return response;
    });
  }
  const response = before.response as Readonly<Record<string, unknown>>;
  if (before.requestHash === hash) return response;
  // Unknown: client-token-mismatch
  throw new ConflictError(
    `The clientToken was already used for ${operation} with different parameters: use a new token for a new request`,
    request.resourceType,
    request.resourceIdOf(response),
  );
}

/** JSON with members sorted and absent ones left out, so that equal inputs give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
