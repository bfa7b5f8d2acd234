/** Programs that run beside the application while somebody watches: shells, commands, copies. */
import type { GuestSession } from '../guest/contracts.js';

/** Those open in one guest. Its owner drops them before the guest goes. */
export class Sessions {
  readonly #open = new Set<GuestSession>();

  add(session: GuestSession): void {
    this.#open.add(session);
    void session.ended.then(() => this.#open.delete(session));
  }

  drop(what: 'suspended' | 'terminated'): void {
    for (const session of this.#open) session.drop(new Error(`the MicroVM is being ${what}`));
    this.#open.clear();
  }
}
