/** Joins a WebSocket and a session in a guest, each at the pace of the other, until one of them ends. */
import type { WebSocket } from 'ws';
import { messageOf } from '../../errors/index.js';
import type { GuestSession } from '../../microvms/contracts.js';
import type { Framing } from './framing.js';

/** Bytes on their way to the client above which the guest is paused, and below which it goes on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;
/**
 * A client that vanished without a word acknowledges no ping, and its connection breaks; one that reads nothing for a
 * while does. So an answer is not asked for. Unknown: shell-limits
 */
const PING_MS = 30_000;

export interface BridgeOptions {
  readonly framing: Framing;
  /** Called for each message either way. */
  readonly touch: () => void;
  readonly pingMs?: number;
}

/** `ws` is open and has an error listener; its end ends the session, and the other way round. */
export function bridge(ws: WebSocket, session: GuestSession, { framing, touch, pingMs = PING_MS }: BridgeOptions): void {
  let unsent = 0;
  let closing: (() => void) | undefined;
  const pings = setInterval(() => ws.ping(), pingMs);

  const send = (data: Buffer | string): void => {
    const { length } = data;
    unsent += length;
    ws.send(data, { binary: typeof data !== 'string' }, () => {
      unsent -= length;
      if (unsent === 0) closing?.();
      else if (unsent >= LOW_WATER) return;
      session.resume();
    });
    if (unsent > HIGH_WATER) session.pause();
  };
  /** A close is answered within a time limit, so what was sent before it must be out first. */
  const closeOnceSent = (code: number, reason: string): void => {
    ws.resume(); // to read the answer
    closing = () => ws.close(code, reason);
    if (unsent === 0) closing();
  };

  ws.once('close', () => {
    clearInterval(pings);
    session.close();
  });
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    touch();
    const input = framing.input(data, isBinary);
    switch (input.type) {
      case 'bytes':
        if (!session.write(input.bytes)) ws.pause();
        return;
      case 'resize':
        return session.resize(input);
      case 'signal':
        return session.signal(input.name);
      case 'eof':
        return session.endInput();
      case 'invalid':
        return ws.close(1008, input.why);
    }
  });
  session.start({
    onOutput: (stream, chunk) => {
      touch();
      send(framing.output(stream, chunk));
    },
    onDrain: () => ws.resume(),
    onExit: (code) => {
      const text = framing.exited(code);
      if (text !== undefined) send(text);
      closeOnceSent(1000, 'shell exited');
    },
    onLost: (reason) => {
      const text = framing.lost(messageOf(reason));
      if (text === undefined) return ws.terminate();
      send(text);
      closeOnceSent(1011, 'session lost');
    },
  });
}
