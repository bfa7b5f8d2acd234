/**
 * A TCP connection to a guest. While the tap of a VMM that just started is being activated, which the kernel does behind
 * everything else that changes the host's network, a packet to it is lost without an answer, and the kernel repeats it only
 * after a second. So further connections are tried meanwhile, and the first one up is taken.
 */
import { connect, type Socket } from 'node:net';

/** ms after which another connection is tried; doubled each time. A guest on a busy host may just be slow. */
const FIRST_RETRY = 50;
const MAX_CONNECTIONS = 5;

/** Rejects as `net.connect` would, or with "dial aborted" when the signal aborts first. `open` is for tests. */
export function dialGuest(host: string, port: number, signal?: AbortSignal, open: () => Socket = () => tcp(host, port)): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tried: Socket[] = [];
    let timer: NodeJS.Timeout | undefined;
    const settle = (winner?: Socket): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      for (const socket of tried) if (socket !== winner) socket.destroy();
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    const abort = (): void => fail(new Error('dial aborted', { cause: signal?.reason }));
    const attempt = (): void => {
      const socket = open();
      tried.push(socket);
      socket.once('error', fail); // an answer: nothing listens, or there is no way
      socket.once('connect', () => {
        socket.off('error', fail);
        settle(socket);
        resolve(socket);
      });
      if (tried.length < MAX_CONNECTIONS) timer = setTimeout(attempt, FIRST_RETRY * 2 ** (tried.length - 1));
    };
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    attempt();
  });
}

/** Half-open: the guest's end of stream must not end ours. */
function tcp(host: string, port: number): Socket {
  return connect({ host, port, noDelay: true, allowHalfOpen: true });
}
