import type { Logger } from 'pino';
import { sleep, type Clock } from '../../clock/index.js';
import { messageOf } from '../../errors/index.js';
import type { Metrics } from '../../metrics/contracts.js';
import type { DeliveryRecord, EventRecord, Store } from '../../store/contracts.js';
import type { EventHub } from '../hub.js';

/** Tries of one event before the next one is told instead: half an hour to an hour while the receiver is away. */
const MAX_TRIES = 20;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const BATCH = 100;
/** ms between two writes of the position while all goes well; a crash tells again what was told since. */
const SAVE_MS = 1_000;

export interface DeliveryDeps {
  readonly target: string;
  readonly store: Pick<Store, 'eventsAfter' | 'saveDelivery'>;
  readonly hub: EventHub;
  readonly clock: Clock;
  /** Resolves to undefined when the event was taken, else to why not. */
  readonly post: (event: EventRecord, signal: AbortSignal) => Promise<string | undefined>;
  readonly metrics: Pick<Metrics, 'webhook'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** 0 to 1. Default: Math.random. */
  readonly random?: () => number;
}

/** Tells one receiver of all events, in order and one at a time, from where an earlier daemon stopped. */
export class Delivery {
  readonly #stop = new AbortController();
  readonly #unlisten: () => void;
  readonly #ended: Promise<void>;
  #position: number;
  #tries: number;
  /** In a row, of whatever events: what the pauses grow by. */
  #failures: number;
  #savedAt = 0;
  #wake = (): void => undefined;

  constructor(private readonly deps: DeliveryDeps, from: Pick<DeliveryRecord, 'position' | 'tries'>) {
    this.#position = from.position;
    this.#tries = from.tries;
    this.#failures = from.tries;
    this.#unlisten = deps.hub.listen(() => this.#wake());
    this.#ended = this.#run();
  }

  /** What is under way is told again by the next daemon. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the service is shutting down'));
    this.#wake();
    this.#unlisten();
    await this.#ended;
    this.#save();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const over = (): boolean => signal.aborted;
    while (!over()) {
      try {
        // Before the look: what comes after it is not missed.
        const news = new Promise<void>((resolve) => (this.#wake = resolve));
        const batch = this.deps.store.eventsAfter(this.#position, BATCH);
        for (const event of batch) await this.#tell(event, signal);
        if (batch.length > 0) continue;
        this.#save();
        await news;
      } catch (error) {
        if (over()) return;
        this.deps.logger.error({ webhook: this.deps.target, error: messageOf(error) }, 'events could not be read for a webhook');
        await sleep(this.deps.clock, FIRST_PAUSE_MS, signal).catch(() => undefined); // aborted: the loop ends
      }
    }
  }

  async #tell(event: EventRecord, signal: AbortSignal): Promise<void> {
    const { target, metrics, logger, clock, post } = this.deps;
    const dropped = event.position - this.#position - 1;
    if (dropped > 0) {
      metrics.webhook('dropped', dropped);
      logger.warn({ webhook: target, events: dropped }, 'events were forgotten before a webhook was told of them');
      this.#position = event.position - 1;
      this.#tries = 0;
    }
    for (;;) {
      const failure = await post(event, signal);
      if (failure === undefined) {
        if (this.#failures > 0) logger.info({ webhook: target, failures: this.#failures }, 'a webhook takes events again');
        this.#failures = 0;
        metrics.webhook('delivered', 1);
        return this.#done(event);
      }
      this.#tries++;
      // Once at the beginning of a time of failures, and whenever an event is lost.
      if (this.#failures++ === 0) logger.warn({ webhook: target, event: event.id, error: failure }, 'a webhook did not take an event; it is tried again');
      metrics.webhook('failed', 1);
      if (this.#tries >= MAX_TRIES) {
        metrics.webhook('given-up', 1);
        logger.error({ webhook: target, event: event.id, tries: this.#tries, error: failure }, 'an event was given up: its webhook never took it');
        return this.#done(event);
      }
      this.#save();
      await sleep(clock, this.#pause(), signal);
    }
  }

  #done(event: EventRecord): void {
    this.#position = event.position;
    this.#tries = 0;
    if (this.deps.clock.steady() - this.#savedAt >= SAVE_MS) this.#save();
  }

  /** Doubled with each failure, and half of it by chance, so that many daemons do not come at once. */
  #pause(): number {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
    return pause * (0.5 + (this.deps.random ?? Math.random)() / 2);
  }

  #save(): void {
    this.#savedAt = this.deps.clock.steady();
    try {
      this.deps.store.saveDelivery({ target: this.deps.target, position: this.#position, tries: this.#tries });
    } catch (error) {
      this.deps.logger.error({ webhook: this.deps.target, error: messageOf(error) }, 'how far a webhook was told could not be recorded');
    }
  }
}
