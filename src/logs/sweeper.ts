import type { Clock } from '../clock/index.js';
import type { LogStore } from './contracts.js';

const SWEEP_EVERY_MS = 60_000;

/** Applies retention and caps once a minute until the returned function is called; that resolves when no sweep runs. */
export function startLogSweeper(store: Pick<LogStore, 'sweep' | 'counters'>, clock: Clock, report: { swept(droppedEvents: number): void; failed(error: unknown): void }): () => Promise<void> {
  let stopped = false;
  let cancel = (): void => undefined;
  let running = Promise.resolve();
  let known = store.counters().droppedEvents;

  async function sweep(): Promise<void> {
    try {
      await store.sweep();
    } catch (error) {
      report.failed(error);
    }
    const { droppedEvents } = store.counters();
    if (droppedEvents > known) report.swept(droppedEvents - known);
    known = droppedEvents;
    schedule();
  }
  function schedule(): void {
    if (!stopped) cancel = clock.after(SWEEP_EVERY_MS, () => void (running = sweep()));
  }
  schedule();
  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
