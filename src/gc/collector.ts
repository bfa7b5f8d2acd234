import type { Logger } from 'pino';
import { messageOf } from '../errors/index.js';
import { GARBAGE_KINDS, NOTHING, type Amount, type Garbage, type GarbageCollector, type GarbageKind, type GarbageReport, type GarbageSource } from './contracts.js';

export interface CollectorOptions {
  /** Its keys are the operator's. */
  readonly operatorAccount: string;
  readonly sources: readonly GarbageSource[];
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** One collection at a time: two would count the same pieces. */
export function createCollector({ operatorAccount, sources, logger }: CollectorOptions): GarbageCollector {
  let turn: Promise<unknown> = Promise.resolve();

  async function collect(accountId: string | undefined, dryRun: boolean): Promise<GarbageReport> {
    const amounts = new Map<GarbageKind, Amount>();
    let failures = 0;
    const failed = (what: string, error: unknown): void => {
      failures += 1;
      logger.warn({ error: messageOf(error) }, what);
    };
    const take = async (piece: Garbage): Promise<void> => {
      const { kind } = piece;
      const { count, bytes } = dryRun ? piece : await piece.remove();
      const so = amounts.get(kind) ?? NOTHING;
      amounts.set(kind, { count: so.count + count, bytes: so.bytes + bytes });
    };
    for (const source of sources) {
      // What one part cannot do must not keep the others' garbage.
      const pieces = await source(accountId).catch((error: unknown) => {
        failed('could not look for garbage', error);
        return [];
      });
      for (const piece of pieces) await take(piece).catch((error: unknown) => failed(`could not remove garbage: ${piece.kind}`, error));
    }
    const removed = GARBAGE_KINDS.flatMap((kind) => {
      const amount = amounts.get(kind) ?? NOTHING;
      return amount.count === 0 ? [] : [{ kind, ...amount }];
    });
    const report = { dryRun, removed, bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0), failures };
    if (!dryRun) logger.info({ account: accountId ?? 'all', ...report }, 'collected garbage');
    return report;
  }

  return {
    collect(who, dryRun) {
      const result = turn.then(() => collect(who.accountId === operatorAccount ? undefined : who.accountId, dryRun));
      turn = result.catch(() => undefined);
      return result;
    },
  };
}
