import { sleep, type Clock } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { GuestAgent, GuestEvents } from '../guest/contracts.js';
import type { MicrovmDeps } from './deps.js';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/**
 * Follows the output of the application for as long as its VM runs: when the connection to the agent ends, it comes
 * back for the lines after the last one it saw.
 */
export class Follower {
  readonly #abort = new AbortController();
  #close: (() => void) | undefined;
  #exited = false;

  /** `lastSeq` outlives this follower: the caller keeps it for the one after a suspension. */
  constructor(
    readonly agent: Pick<GuestAgent, 'follow'>,
    readonly events: GuestEvents,
    readonly lastSeq: () => number,
    readonly clock: Clock,
    readonly logger: MicrovmDeps['logger'],
  ) {
    void this.#run();
  }

  /** No event comes after this. */
  close(): void {
    this.#abort.abort(new Error('closed'));
    this.#close?.();
  }

  #done(): boolean {
    return this.#exited || this.#abort.signal.aborted;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let wait = FIRST_RETRY_MS;
    while (!this.#done()) {
      try {
        await this.#once(signal);
        wait = FIRST_RETRY_MS;
      } catch (error) {
        this.logger.debug({ error: messageOf(error) }, 'cannot follow the output of a MicroVM');
        wait = Math.min(wait * 2, LAST_RETRY_MS);
      }
      if (!this.#done()) await sleep(this.clock, wait, signal).catch(() => undefined); // closed: the loop sees it
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const following = await this.agent.follow(this.lastSeq(), {
      onLog: (line) => {
        if (!signal.aborted) this.events.onLog(line);
      },
      onExit: (code) => {
        if (signal.aborted || this.#exited) return;
        this.#exited = true;
        this.events.onExit(code);
      },
    });
    this.#close = () => following.close();
    if (signal.aborted) following.close();
    await following.ended;
  }
}
