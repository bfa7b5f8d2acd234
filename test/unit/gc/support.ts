import type { Amount, GarbageKind, GarbageSource } from '../../../src/gc/contracts.js';

/** What a source offers, as "kind count"; sizes depend on the file system. */
export async function offered(source: GarbageSource, accountId?: string): Promise<string[]> {
  return (await source(accountId)).map(({ kind, count }) => `${kind} ${count}`).sort();
}

export async function removeAll(source: GarbageSource, accountId?: string): Promise<(Amount & { kind: GarbageKind })[]> {
  const removed = [];
  for (const piece of await source(accountId)) removed.push({ kind: piece.kind, ...(await piece.remove()) });
  return removed;
}
