/** StreamEvents, an extension: what happens in the account, as server-sent events (docs/events.md). */
import { z } from 'zod';
import { ThrottledError } from '../../errors/index.js';
import type { EventWatch, NumberedEvent } from '../../events/contracts.js';
import { defineOperation } from '../operation.js';
import { ServerSentEvents, type ServerSentEvent } from '../server-sent-events.js';

/** ms between two comments that keep the connection in use, while nothing happens. */
const KEEP_ALIVE_MS = 15_000;
/** Events read from the store at once. */
const BATCH = 100;

const eventNumber = z.string().regex(/^\d{1,15}$/, 'Member must satisfy regular expression pattern: \\d{1,15}').transform(Number);

export const streamEvents = defineOperation({
  name: 'StreamEvents',
  method: 'GET',
  path: '/tardigrade/v1/events',
  status: 200,
  headers: { 'last-event-id': 'lastEventId' },
  input: z.object({ after: eventNumber.optional(), lastEventId: eventNumber.optional(), follow: z.enum(['true', 'false']).default('true') }),
  run({ events, who: { accountId } }, { after, lastEventId, follow }) {
    const last = events.last(accountId);
    // A browser that connects again repeats the URL it began with: what it has seen since counts.
    const asked = lastEventId ?? after ?? (follow === 'true' ? last : 0);
    // A number that was never given is of another data folder: everything is news.
    const from = asked > last ? 0 : asked;
    const watch = events.watch(accountId);
    if (watch === undefined) throw new ThrottledError('The account has as many event streams open as it may: close one', 5);
    return new ServerSentEvents((signal) => read((seen) => events.after(accountId, seen, BATCH), follow === 'true' ? watch : undefined, from, signal), () => watch.close());
  },
});

/** `watch`: what to wait for when all is read; absent: that is the end. */
async function* read(after: (seen: number) => readonly NumberedEvent[], watch: EventWatch | undefined, from: number, signal: AbortSignal): AsyncGenerator<ServerSentEvent | 'quiet'> {
  for (let seen = from; ;) {
    const batch = after(seen);
    for (const { number, event } of batch) {
      yield { id: String(number), event: event['detail-type'], data: JSON.stringify(event) };
      seen = number;
    }
    if (batch.length > 0) continue;
    if (watch === undefined) return;
    if ((await watch.next(KEEP_ALIVE_MS, signal)) === 'quiet') yield 'quiet';
  }
}
