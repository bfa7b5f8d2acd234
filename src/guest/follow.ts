import { isCount, parseObject } from './answer.js';
import { type DialAgent, GuestAgentError, type GuestEvents, type LogLine } from './contracts.js';
import { type Limits, open } from './handshake.js';
import { LineReader } from './line-reader.js';

/** Cap of an event line: 64 KiB of text, each byte of which JSON may write as six, and the other members. */
export const EVENT_LINE_MAX = 512 * 1024;

/**
 * Follows the application's output. `ended` never rejects: a guest that breaks the protocol has its connection
 * closed, as one that vanished, and the follower decides whether to come back.
 */
export async function follow(dial: DialAgent, afterSeq: number, events: GuestEvents, limits: Limits): Promise<{ close(): void; ended: Promise<void> }> {
  const { stream } = await open(dial, { op: 'events', members: () => ({ after: afterSeq }) }, limits);
  const lines = new LineReader(EVENT_LINE_MAX);
  let last = afterSeq;
  let closed = false;
  const deliver = (line: string): void => {
    const event = parseEvent(line, last);
    if ('exit' in event) {
      closed = true; // nothing follows
      events.onExit(event.exit);
    } else {
      last = event.seq;
      events.onLog(event);
    }
  };
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const line of lines.push(chunk)) if (!closed) deliver(line);
    } catch (error) {
      if (!(error instanceof GuestAgentError)) throw error;
      stream.destroy();
    }
  });
  const ended = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.once('end', () => stream.destroy());
  return {
    ended,
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}

function parseEvent(line: string, last: number): LogLine | { readonly exit: number } {
  const { exit, seq, time, stream, text } = parseObject(line) ?? {};
  if (isCount(exit)) return { exit };
  if (!isCount(seq) || seq <= last || !isCount(time) || (stream !== 'stdout' && stream !== 'stderr') || typeof text !== 'string') {
    throw new GuestAgentError(`an event of the guest agent breaks the protocol: ${JSON.stringify(line.slice(0, 120))}`);
  }
  return { seq, time, stream, text };
}
