/** One connection, one sequence of bytes, whatever comes back: for requests that no HTTP client would send. */
import { connect } from 'node:net';

export interface RawExchange {
  /** Of every answer on the connection. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** The server neither answered to the end nor closed in time. */
  readonly hung: boolean;
}

/**
 * Sends `bytes`, says that there are no more, and reads until the server closes. `patient` says so only once the answer comes:
 * HTTP servers take the end of the client's bytes for its leave. Never rejects: a reset is an end too.
 */
export function exchange(port: number, bytes: Buffer, timeoutMs: number, patient = false): Promise<RawExchange> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let hung = false;
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const timer = setTimeout(() => {
      hung = true;
      socket.destroy();
    }, timeoutMs);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // The server may refuse before it has read all: resets are its right.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({ statuses: [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map((match) => Number(match[1])), text, hung });
    });
    if (!patient) return socket.end(bytes);
    socket.once('data', () => socket.end());
    socket.write(bytes);
  });
}
