/** One attempt among others: what breaks in it is its own finding, and the others go on. */
import { ApiError } from '../daemon/remote.js';
import { messageOf, OperatorError } from '../errors/index.js';
import type { Finding } from './types.js';
import { finding, notChecked } from './findings.js';

/** It cannot be tried here; the message says why. */
export class NotPossible extends Error {
  override readonly name = 'NotPossible';
}

export interface Seen {
  readonly seen: string;
  readonly held: boolean;
}

/** Throws only what `signal` was aborted with. */
export async function attempt(name: string, expected: string, signal: AbortSignal, work: () => Promise<Seen>): Promise<Finding> {
  try {
    const { seen, held } = await work();
    return finding(name, expected, seen, held);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotPossible) return notChecked(name, expected, error.message);
    const kind = error instanceof ApiError ? `${error.type}: ` : '';
    // A host that lacks something is no fault of the platform, and no proof of it either.
    if (error instanceof OperatorError) return notChecked(name, expected, messageOf(error));
    return finding(name, expected, `${kind}${messageOf(error)}`, false);
  }
}
