/**
 * nextToken: base64url of an HMAC and the sort key of the last row given out. The HMAC covers the operation, the account and
 * the list's scope, so that a token neither can be made up nor serves another list than its own. Tokens do not expire.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ValidationError } from '../errors/index.js';
import type { Page, PageRequest } from '../store/contracts.js';

export interface PageScope {
  readonly operation: string;
  readonly accountId: string;
  /** What the list is of, e.g. the image's ARN. */
  readonly of?: string | undefined;
}

export interface PageInput {
  readonly maxResults: number;
  readonly nextToken?: string | undefined;
}

export interface Pager {
  /** Throws ValidationError for a token that is not from this list. Unknown: next-token-text */
  request(scope: PageScope, input: PageInput): PageRequest;
  token(scope: PageScope, page: Pick<Page<unknown>, 'next'>): string | undefined;
}

const macBytes = 32;

/** `key` must survive restarts, or clients in the middle of a list are refused. */
export function createPager(key: Buffer): Pager {
  const mac = (scope: PageScope, after: string) =>
    createHmac('sha256', key).update(JSON.stringify([scope.operation, scope.accountId, scope.of ?? '', after])).digest();
  return {
    request(scope, input) {
      if (input.nextToken === undefined) return { limit: input.maxResults };
      const bytes = Buffer.from(input.nextToken, 'base64url');
      const after = bytes.subarray(macBytes).toString('utf8');
      const given = bytes.subarray(0, macBytes);
      if (given.length < macBytes || !timingSafeEqual(given, mac(scope, after))) {
        throw new ValidationError('Invalid nextToken: it was not issued by this operation for this request; start again without a token', 'nextToken');
      }
      return { limit: input.maxResults, after };
    },
    token(scope, page) {
      if (page.next === undefined) return undefined;
      return Buffer.concat([mac(scope, page.next), Buffer.from(page.next, 'utf8')]).toString('base64url');
    },
  };
}

/** A page of a list that is held whole; `keyOf` gives each item's unique sort key, the list's order being its own. */
export function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, page: PageRequest): Page<T> {
  const start = page.after === undefined ? 0 : items.findIndex((item) => keyOf(item) === page.after) + 1;
  const slice = items.slice(start, start + page.limit);
  const last = slice.at(-1);
  return { items: slice, next: last !== undefined && start + slice.length < items.length ? keyOf(last) : undefined };
}
