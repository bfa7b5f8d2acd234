import { messageOf } from '../errors/index.js';
import type { MicrovmRecord } from '../store/contracts.js';
import type { MicrovmDeps } from './deps.js';

type Change = Partial<MicrovmRecord> & Pick<MicrovmRecord, 'state'>;

/** ms until a change that could not be written is tried again. */
const RETRY_MS = 5_000;

/**
 * The record of one MicroVM, in memory and in the store. A disk that takes no record must not keep a MicroVM from
 * ending: then memory leads, and the store follows when it can.
 */
export class RecordKeeper {
  #record: MicrovmRecord;
  #unwritten: Change | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(
    record: MicrovmRecord,
    private readonly deps: Pick<MicrovmDeps, 'store' | 'clock' | 'metrics' | 'logger'>,
    /** Called when the store has caught up with memory again. */
    private readonly onCaughtUp: () => void,
  ) {
    this.#record = record;
  }

  get record(): MicrovmRecord {
    return this.#record;
  }

  /** Is the store behind? Then only memory knows the truth. */
  get isBehind(): boolean {
    return this.#unwritten !== undefined;
  }

  /** Throws, and changes nothing, when the store does not take it. */
  writeNow(change: Change): void {
    try {
      this.deps.store.updateMicrovm(this.#record.id, { ...this.#unwritten, ...change });
    } catch (error) {
      this.#count();
      throw error;
    }
    this.#written(change);
  }

  /** Never throws: what the store does not take is written with the next change, or some seconds later. */
  write(change: Change): void {
    try {
      this.writeNow(change);
    } catch (error) {
      this.deps.logger.error({ microvm: this.#record.id, error: messageOf(error) }, 'could not record the state of a MicroVM');
      this.#record = { ...this.#record, ...change };
      this.#unwritten = { ...this.#unwritten, ...change };
      if (this.#closed) return;
      this.#cancelRetry ??= this.deps.clock.after(RETRY_MS, () => {
        this.#cancelRetry = undefined;
        if (this.#unwritten === undefined) return;
        this.write(this.#unwritten);
        if (!this.isBehind) this.onCaughtUp();
      });
    }
  }

  /** What is unwritten gets one last try; from now on nothing is tried again, as the store is about to be closed. */
  close(): void {
    this.#closed = true;
    this.#stopRetry();
    if (this.#unwritten !== undefined) this.write(this.#unwritten);
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  #written(change: Change): void {
    this.#record = { ...this.#record, ...change };
    this.#unwritten = undefined;
    this.#stopRetry();
  }

  #count(): void {
    this.deps.metrics.storeWriteFailed();
    this.deps.metrics.fault('store-unwritable');
  }
}
