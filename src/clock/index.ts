/** Time, injected wherever something waits, so that tests of timers never sleep. */
export interface Clock {
  /** Milliseconds since 1970 UTC, by the wall clock, which people and NTP may set. */
  now(): number;
  /**
   * Whole milliseconds on a timeline that runs evenly, whatever the wall clock is set to, and goes on when a new daemon
   * starts on the same boot of the host. For durations that must hold; near the wall clock's time, for people.
   */
  steady(): number;
  /** Calls `fn` once, `ms` milliseconds from now, unless the returned function is called before. */
  after(ms: number, fn: () => void): () => void;
}

/** Longest delay node's timers take (2^31 - 1 ms, 24.8 days); a longer one would fire at once. */
const MAX_DELAY_MS = 0x7fff_ffff;

/** Its steady timeline begins anew with each process: see timeline.ts for the daemon's. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => Math.round(performance.timeOrigin + performance.now()),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
