import type { Clock } from '../../../src/clock/index.js';

/** A clock whose one timer fires when told to. */
export function watchClock(): { readonly clock: Clock; readonly armed: () => boolean; readonly look: () => Promise<void> } {
  let due: (() => void) | undefined;
  let rearmed: (() => void) | undefined;
  return {
    clock: {
      now: () => 0,
      steady: () => 0,
      after(_ms, fn) {
        due = fn;
        rearmed?.();
        return () => (due = undefined);
      },
    },
    armed: () => due !== undefined,
    /** Resolves when what fires is over, which arms the timer anew. */
    async look() {
      const over = new Promise<void>((resolve) => (rearmed = resolve));
      due?.();
      await over;
    },
  };
}
