/** What one guest may ask of a listener all guests share: connections at once, and how often it connects or asks. */

import { TokenBucket, type TokenRate } from '../clock/token-bucket.js';

export interface SourceLimits {
  /** Answers what to call when the connection has ended; undefined: it is one too many. */
  connect(source: string): (() => void) | undefined;
  /** May this source ask once more now? */
  ask(source: string): boolean;
}

export interface SourceLimitsOptions extends TokenRate {
  readonly connections: number;
  /** As Clock.steady, ms. */
  readonly steady: () => number;
}

interface Source {
  open: number;
  readonly bucket: TokenBucket;
}

export function createSourceLimits({ connections, perSecond, burst, steady }: SourceLimitsOptions): SourceLimits {
  const sources = new Map<string, Source>();

  function find(address: string, now: number): Source {
    const known = sources.get(address);
    if (known !== undefined) return known;
    // A new guest, which is rare: the time to forget those that are gone.
    for (const [other, { open, bucket }] of sources) if (open === 0 && bucket.isFull(now)) sources.delete(other);
    const source = { open: 0, bucket: new TokenBucket({ perSecond, burst }, now) };
    sources.set(address, source);
    return source;
  }

  return {
    connect(address) {
      const now = steady();
      const source = find(address, now);
      if (source.open >= connections || source.bucket.take(now) > 0) return undefined;
      source.open++;
      let ended = false;
      return () => {
        if (!ended) source.open--;
        ended = true;
      };
    },
    ask(address) {
      const now = steady();
      return find(address, now).bucket.take(now) === 0;
    },
  };
}
