/** Largest difference, in ms, at which the finer clock still counts as the wall clock. */
const STEP_MS = 2;

/**
 * Nanoseconds since 1970, with the resolution of the monotonic clock (1 µs) where it agrees with the wall clock.
 * After the host's clock was stepped it no longer does, and the wall clock's milliseconds win.
 */
export function wallClockNanos(): bigint {
  const fine = performance.timeOrigin + performance.now();
  const wall = Date.now();
  const ms = Math.abs(fine - wall) < STEP_MS ? fine : wall;
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
