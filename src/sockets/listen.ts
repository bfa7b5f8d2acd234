/** What all listeners of the daemon do alike. */
import { type AddressInfo, isIP, type Server, type Socket } from 'node:net';
import { OperatorError } from '../errors/index.js';
import { inheritedSocket } from './inherited.js';

/**
 * Answers the port, which is of use when 0 was asked for. `name`: of a socket that the service manager may have opened
 * already. Rejects with OperatorError, in the words of `failure`.
 */
export function listenOn(server: Server, host: string, port: number, failure: (error: NodeJS.ErrnoException) => string, name?: string): Promise<number> {
  const fd = name === undefined ? undefined : inheritedSocket(name);
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(new OperatorError(failure(error)));
    server.once('error', failed);
    const listening = (): void => {
      server.off('error', failed);
      const bound = server.address() as AddressInfo;
      if (fd === undefined || fits(bound, host, port)) return resolve(bound.port);
      server.close();
      reject(new OperatorError(`the socket '${name ?? ''}' that the service manager opened is on ${bound.address}:${bound.port}, but the settings say ${host}:${port}: make ListenStream= of the socket unit and the settings the same`));
    };
    if (fd === undefined) server.listen(port, host, listening);
    else server.listen({ fd }, listening);
  });
}

/** Clients are told the settings' address, so it must be the socket's. A host by name is not looked up. */
function fits(bound: AddressInfo, host: string, port: number): boolean {
  return (port === 0 || bound.port === port) && (isIP(host) === 0 || bound.address === host);
}

/** An IPv4 peer of a dual-stack listener shows as ::ffff:a.b.c.d. '': it is gone. */
export function peerAddress(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
