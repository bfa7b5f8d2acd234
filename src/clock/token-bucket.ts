/** A token bucket: so many a second, and a burst after a pause. Time is given to it, in ms of a clock that nobody sets. */

export interface TokenRate {
  readonly perSecond: number;
  /** The most there are at once. */
  readonly burst: number;
}

export class TokenBucket {
  #tokens: number;
  /** When {@link #tokens} was right. */
  #at: number;

  constructor(
    private readonly rate: TokenRate,
    now: number,
  ) {
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes a token and answers 0; when there is none, takes nothing and answers what is missing of one. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens < 1) return 1 - this.#tokens;
    this.#tokens -= 1;
    return 0;
  }

  /** Is it as a new one? Then nothing is lost when it is forgotten. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.rate.burst;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.rate.burst, this.#tokens + ((now - this.#at) / 1000) * this.rate.perSecond);
    this.#at = now;
  }
}
