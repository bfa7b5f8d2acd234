import type { Database } from 'better-sqlite3';
import type { Store } from '../contracts.js';
import { fromJson, type Row } from './columns.js';

export type IdempotentAnswers = Pick<Store, 'findIdempotent' | 'rememberIdempotent'>;

/** What each client token was first used for. Kept for good, as the live service was seen to do (spec §2.0). Unknown: idem-retention */
export function idempotentAnswers(db: Database): IdempotentAnswers {
  const find = db.prepare(
    'SELECT request_hash, response FROM idempotent_answers WHERE account_id = ? AND operation = ? AND client_token = ?',
  );
  const remember = db.prepare(
    'INSERT INTO idempotent_answers (account_id, operation, client_token, request_hash, response) VALUES (?, ?, ?, ?, ?)',
  );
  return {
    findIdempotent(key) {
      const row = find.get(key.accountId, key.operation, key.clientToken) as Row | undefined;
      return row && { requestHash: row['request_hash'] as string, response: fromJson(row['response']) };
    },
    rememberIdempotent(key, requestHash, response) {
      remember.run(key.accountId, key.operation, key.clientToken, requestHash, JSON.stringify(response ?? null));
    },
  };
}
