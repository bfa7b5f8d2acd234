/** Page tokens. Not signed: what they may say is checked as any input, and they only reach what the account owns. */
import { z } from 'zod';
import type { GroupCursor } from '../../logs/contracts.js';
import { invalid } from './operation.js';

/** Of GetLogEvents: `f/<56 digits>/s` to go forward from an offset, `b/…` backward. */
export function offsetToken(direction: 'forward' | 'backward', offset: number): string {
  return `${direction === 'forward' ? 'f' : 'b'}/${String(offset).padStart(56, '0')}/s`;
}

export function readOffsetToken(token: string): { direction: 'forward' | 'backward'; from: number } {
  const match = /^([fb])\/(\d{56})\/s$/.exec(token);
  const from = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(from)) throw badToken();
  return { direction: match[1] === 'f' ? 'forward' : 'backward', from };
}

const cursorSchema = z.tuple([z.number().int().min(0), z.string(), z.number().int().min(0)]);

export function cursorToken({ order, stream, offset }: GroupCursor): string {
  return encode([order, stream, offset]);
}

export function readCursorToken(token: string): GroupCursor {
  const [order, stream, offset] = decode(token, cursorSchema);
  return { order, stream, offset };
}

const keySchema = z.tuple([z.number(), z.string()]);

/** Of a list: the sort key of its last item. */
export function keyToken(key: readonly [number, string]): string {
  return encode(key);
}

export function readKeyToken(token: string): readonly [number, string] {
  return decode(token, keySchema);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode<T>(token: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw badToken();
    throw error;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw badToken();
  return parsed.data;
}

function badToken(): Error {
  return invalid('The specified nextToken is invalid.');
}

/** The items behind `after` in the order of their keys, at most `limit`, and the token when more follow. */
export function pageByKey<T>(items: readonly T[], keyOf: (item: T) => readonly [number, string], limit: number, token: string | undefined): { items: T[]; nextToken: string | undefined } {
  const sorted = items.map((item) => ({ item, key: keyOf(item) })).sort((a, b) => compare(a.key, b.key));
  const after = token === undefined ? undefined : readKeyToken(token);
  const start = after === undefined ? 0 : sorted.findIndex(({ key }) => compare(key, after) > 0);
  const page = start < 0 ? [] : sorted.slice(start, start + limit);
  const last = page.at(-1);
  return { items: page.map(({ item }) => item), nextToken: last !== undefined && start + limit < sorted.length ? keyToken(last.key) : undefined };
}

function compare(a: readonly [number, string], b: readonly [number, string]): number {
  return a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
}
