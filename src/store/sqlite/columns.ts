/** Between records and rows. SQLite has no undefined and no boolean; members with structure are JSON text. */
import type { Database } from 'better-sqlite3';
import { Fault } from '../../errors/index.js';

export type Row = Readonly<Record<string, unknown>>;
export type Column = string | number | null;

/** A column that may be NULL, as an optional member. */
export function optional(value: unknown): unknown {
  return value === null ? undefined : value;
}

export function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** NULL gives undefined. The caller knows the type: only this folder writes these columns. */
export function fromJson(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : undefined;
}

/** A member of a record, the column that keeps it, and how it is written. */
export interface Field {
  readonly column: string;
  readonly write: (value: unknown) => Column;
}

export const plain = (column: string): Field => ({ column, write: (value) => (value ?? null) as Column });
export const json = (column: string): Field => ({ column, write: toJson });
export const flag = (column: string): Field => ({ column, write: (value) => (value === true ? 1 : 0) });

/**
 * Writes the members present in `change`; a member that is present and undefined clears its column.
 * Throws Fault when no row matches: the caller would lose the change without knowing.
 */
export function updateRow(
  db: Database,
  table: string,
  fields: Readonly<Record<string, Field>>,
  key: Readonly<Record<string, string>>,
  change: Readonly<Record<string, unknown>>,
): void {
  const sets: string[] = [];
  const values: Column[] = [];
  for (const [member, value] of Object.entries(change)) {
    const field = fields[member];
    if (field === undefined) throw new Fault(`${table} has no changeable member ${member}`);
    sets.push(`${field.column} = ?`);
    values.push(field.write(value));
  }
  if (sets.length === 0) return;
  const where = Object.keys(key).map((column) => `${column} = ?`).join(' AND ');
  const result = db.prepare(`UPDATE ${table} SET ${sets.join(', ')} WHERE ${where}`).run(...values, ...Object.values(key));
  if (result.changes === 0) throw new Fault(`no row of ${table} has ${JSON.stringify(key)}: nothing to change`);
}
