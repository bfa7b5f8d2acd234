/** A source that is held back for one reason or several, and flows again when none is left. */

/** `sink`: the other side takes no more now. `pace`: it would be faster than its MicroVM may be. */
export type Reason = 'sink' | 'pace';

const BIT: Readonly<Record<Reason, number>> = { sink: 1, pace: 2 };

export class Flow {
  #reasons = 0;

  constructor(private readonly source: { pause(): unknown; resume(): unknown }) {}

  hold(reason: Reason): void {
    if (this.#reasons === 0) this.source.pause();
    this.#reasons |= BIT[reason];
  }

  release(reason: Reason): void {
    if (this.#reasons === 0) return;
    this.#reasons &= ~BIT[reason];
    if (this.#reasons === 0) this.source.resume();
  }

  /** Holds it for as long as the bytes that just passed take at the pace. */
  spend(pace: Pace | undefined, bytes: number): void {
    const ms = pace?.spend(bytes) ?? 0;
    if (ms <= 0) return;
    this.hold('pace');
    setTimeout(() => this.release('pace'), ms).unref();
  }
}

/** Bytes per time. */
export interface Pace {
  /** ms to wait before more may pass. */
  spend(bytes: number): number;
}
