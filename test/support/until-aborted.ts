/**
 * Never ends but by its signal, also by one that is aborted already: no event would tell of that, and who waits would
 * wait for good. Rejects with `reason`, or else the signal's.
 */
export function untilAborted(signal: AbortSignal, reason?: Error): Promise<never> {
  return new Promise((_resolve, reject) => {
    const give = (): void => reject(reason ?? (signal.reason as Error));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}
