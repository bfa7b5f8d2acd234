/** When each MicroVM last had traffic, for the daemon that comes next: written together, every few seconds. */
import { messageOf } from '../errors/index.js';
import type { MicrovmDeps } from './deps.js';

/** ms. After a crash a MicroVM may be taken for idle by so much too early. */
const WRITE_MS = 5_000;

export class ActivityRecords {
  readonly #noted = new Set<string>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly deps: Pick<MicrovmDeps, 'store' | 'clock' | 'logger'>,
    /** Steady ms; undefined for a MicroVM that is gone. */
    private readonly lastActivity: (id: string) => number | undefined,
  ) {}

  /** Cheap: called for each chunk that moves. */
  note(id: string): void {
    if (this.#closed || this.#noted.has(id)) return;
    this.#noted.add(id);
    this.#cancel ??= this.deps.clock.after(WRITE_MS, () => this.#write());
  }

  forget(id: string): void {
    this.#noted.delete(id);
    if (this.#noted.size === 0) this.#stop();
  }

  /** Writes what is noted, and nothing any more. */
  close(): void {
    this.#closed = true;
    this.#write();
  }

  #write(): void {
    this.#stop();
    const ids = [...this.#noted];
    this.#noted.clear();
    try {
      this.deps.store.transaction(() => {
        for (const id of ids) {
          const lastActivity = this.lastActivity(id);
          if (lastActivity !== undefined) this.deps.store.updateMicrovm(id, { lastActivity: Math.round(lastActivity) });
        }
      });
    } catch (error) {
      this.deps.logger.warn({ error: messageOf(error) }, 'could not record when MicroVMs last had traffic');
    }
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
