import type { Database } from 'better-sqlite3';
import { ValidationError } from '../../errors/index.js';
import type { Page, PageRequest } from '../contracts.js';
import type { Column, Row } from './columns.js';

/** First sequence number of a page: the one after the key, which is the `seq` of the last item seen. */
function startOf(page: PageRequest): number {
  if (page.after === undefined) return 0;
  const seq = Number(page.after);
  if (!/^\d{1,15}$/.test(page.after) || !Number.isSafeInteger(seq)) {
    throw new ValidationError(`'${page.after}' is no page key of this server: pass the one of the last answer`, 'nextToken');
  }
  return seq;
}

/**
 * One page of a table, in creation order, by keyset: as fast at any depth, and right while rows come and go.
 * `where` holds conditions on indexed columns.
 */
export function listPage<T>(
  db: Database,
  table: string,
  where: Readonly<Record<string, Column | undefined>>,
  page: PageRequest,
  read: (row: Row) => T,
): Page<T> {
  const conditions = Object.entries(where).filter(([, value]) => value !== undefined);
  const sql = [...conditions.map(([column]) => `${column} = ?`), 'seq > ?'].join(' AND ');
  const rows = db
    .prepare(`SELECT * FROM ${table} WHERE ${sql} ORDER BY seq LIMIT ?`)
    .all(...conditions.map(([, value]) => value), startOf(page), page.limit + 1) as Row[];
  const items = rows.slice(0, page.limit);
  const last = rows.length > page.limit ? items.at(-1) : undefined;
  return { items: items.map(read), next: last === undefined ? undefined : String(last['seq']) };
}
