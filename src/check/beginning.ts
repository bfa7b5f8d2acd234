/**
 * A section some parts of which wait a minute for a time limit: those begin before everything else, and once they only
 * wait, others can be measured beside them.
 */
import type { Section } from './types.js';

export interface Beginning<S extends Section> {
  /** Resolves, and never rejects: what broke is told by `finish`. */
  readonly begun: Promise<unknown>;
  /** Does the rest. */
  readonly finish: () => Promise<S>;
}

export interface Waiting<T> {
  /** From then on it waits, or it is over. Never rejects. */
  readonly begun: Promise<void>;
  readonly over: Promise<T>;
}

/** `work` says when it only waits. Its failure is told to whoever awaits `over`, however late. */
export function waiting<T>(work: (begun: () => void) => Promise<T>): Waiting<T> {
  let tell = (): void => undefined;
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const over = work(tell).finally(tell);
  over.catch(() => undefined);
  return { begun, over };
}
