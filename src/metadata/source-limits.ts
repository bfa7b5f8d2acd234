/** What one guest may ask of a listener all guests share: connections at once, and how often it connects or asks. */

export interface SourceLimits {
  /** Answers what to call when the connection has ended; undefined: it is one too many. */
  connect(source: string): (() => void) | undefined;
  /** May this source ask once more now? */
  ask(source: string): boolean;
}

export interface SourceLimitsOptions {
  readonly connections: number;
  readonly perSecond: number;
  /** Asked at once after a pause. */
  readonly burst: number;
  /** As Clock.steady, ms. */
  readonly steady: () => number;
}

interface Source {
  open: number;
  /** Of the bucket, as of `at`. */
  tokens: number;
  at: number;
}

export function createSourceLimits({ connections, perSecond, burst, steady }: SourceLimitsOptions): SourceLimits {
  const sources = new Map<string, Source>();

  function find(address: string): Source {
    const now = steady();
    let source = sources.get(address);
    if (source === undefined) {
      // A new guest, which is rare: the time to forget those that are gone.
      for (const [other, { open, at }] of sources) if (open === 0 && now - at > (burst / perSecond) * 1000) sources.delete(other);
      sources.set(address, (source = { open: 0, tokens: burst, at: now }));
    }
    source.tokens = Math.min(burst, source.tokens + ((now - source.at) / 1000) * perSecond);
    source.at = now;
    return source;
  }

  function take(source: Source): boolean {
    if (source.tokens < 1) return false;
    source.tokens--;
    return true;
  }

  return {
    connect(address) {
      const source = find(address);
      if (source.open >= connections || !take(source)) return undefined;
      source.open++;
      let ended = false;
      return () => {
        if (!ended) source.open--;
        ended = true;
      };
    },
    ask: (address) => take(find(address)),
  };
}
