/** Progress on a terminal: what is under way, for how long; one line per step when nobody watches. */
import type { Progress } from '../assets/contracts.js';

/** Steps shorter than this are not worth a line. */
const SHOW_AFTER_MS = 1000;
const TICK_MS = 1000;
/** Without a terminal: how often to say that a step still runs. */
const REPEAT_MS = 15_000;

export function createProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  return {
    step: async (what, work) => {
      const started = performance.now();
      const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
      let shown = -Infinity;
      const timer = setInterval(() => {
        const now = performance.now();
        if (now - started < SHOW_AFTER_MS) return;
        if (out.isTTY) out.write(`\r\x1b[K… ${what} ${seconds()}`);
        else if (now - shown > REPEAT_MS) {
          shown = now;
          out.write(`… ${what}${now - started > REPEAT_MS ? ` ${seconds()}` : ''}\n`);
        }
      }, TICK_MS);
      try {
        const result = await work();
        if (performance.now() - started > SHOW_AFTER_MS) out.write(`${out.isTTY ? '\r\x1b[K' : ''}✓ ${what} ${seconds()}\n`);
        return result;
      } catch (error) {
        out.write(`${out.isTTY ? '\r\x1b[K' : ''}✗ ${what} ${seconds()}\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}
