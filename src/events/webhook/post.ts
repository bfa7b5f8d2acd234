import { messageOf } from '../../errors/index.js';
import type { EventRecord } from '../../store/contracts.js';
import { envelopeOf } from '../envelope.js';
import { signatures } from './sign.js';

/** ms a receiver has to answer. */
const ANSWER_MS = 10_000;

export interface PostDeps {
  readonly url: string;
  readonly region: string;
  readonly secrets: () => Promise<readonly string[]>;
  /** ms since 1970 */
  readonly now: () => number;
}

/** One try. Resolves to undefined when the receiver has taken it, else to why not. Rejects when the signal aborts. */
export async function postEvent({ url, region, secrets, now }: PostDeps, event: EventRecord, signal: AbortSignal): Promise<string | undefined> {
  const body = JSON.stringify(envelopeOf(event, region));
  const timestamp = String(Math.floor(now() / 1000));
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'tardigrade-webhook',
        'tardigrade-event-id': event.id,
        'tardigrade-event-number': String(event.number),
        'tardigrade-timestamp': timestamp,
        'tardigrade-signature': signatures(await secrets(), timestamp, body),
      },
      // Followed, it would be sent where the operator did not say.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `it answered HTTP ${response.status}`;
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
  }
}
