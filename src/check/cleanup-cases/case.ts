/** Ways for a MicroVM to end, each with what the documents promise of it. */
import type { Seen } from '../attempt.js';
import type { Microvm } from '../client/api.js';

/** One way to end. */
export interface Case {
  readonly name: string;
  /** Words for people, of state and reason. */
  readonly expected: string;
  readonly reason: RegExp;
  /** Makes a MicroVM, and what ends it; `made` must be told of it once it runs. */
  readonly run: (made: (id: string) => Promise<void>) => Promise<Ending>;
}

export interface Ending {
  readonly vm: Microvm;
  /** What else was seen, and whether it is right. */
  readonly also?: Seen | undefined;
}

/** What an end may be late by, on a busy host. */
const LATE_S = 15;
/** What a client sees a beginning too late by: it asks now and then. */
const EARLY_S = 1;

/** In time: not early, and not much late. */
export function after(seconds: number, wanted: number): Seen {
  return { seen: `after ${seconds.toFixed(1)} s`, held: seconds >= wanted - EARLY_S && seconds <= wanted + LATE_S };
}
