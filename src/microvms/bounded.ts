import type { Clock } from '../clock/index.js';

/** Settles as `work`, or rejects with the signal's reason when that comes first. The work itself goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Runs `body` with a signal that aborts with `signal`, or with an error naming `what` after `ms` milliseconds. */
export async function within<T>(
  clock: Clock,
  ms: number,
  what: string,
  signal: AbortSignal,
  body: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const cancel = clock.after(ms, () => deadline.abort(new Error(`${what} took longer than ${ms} ms`)));
  const limit = AbortSignal.any([signal, deadline.signal]);
  try {
    return await unlessAborted(body(limit), limit);
  } finally {
    cancel();
  }
}
