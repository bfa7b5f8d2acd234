/** What all listeners of the daemon do alike. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { OperatorError } from '../errors/index.js';

/** Answers the port, which is of use when 0 was asked for. Rejects with OperatorError, in the words of `failure`. */
export function listenOn(server: Server, host: string, port: number, failure: (error: NodeJS.ErrnoException) => string): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(new OperatorError(failure(error)));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** An IPv4 peer of a dual-stack listener shows as ::ffff:a.b.c.d. '': it is gone. */
export function peerAddress(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
