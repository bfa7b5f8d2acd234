import { createServer } from 'node:net';
import type { Config } from '../../config/config.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';

/** Throws CliError when something listens where the service will, unless a service manager hands it the sockets. */
export async function mustBeFree(config: Pick<Config, 'apiHost' | 'apiPort' | 'endpointHost' | 'endpointPort'>, env: NodeJS.ProcessEnv): Promise<void> {
  if (env['LISTEN_FDS'] !== undefined) return;
  await tryPort(config.apiHost, config.apiPort, 'TARDIGRADE_API_PORT');
  await tryPort(config.endpointHost, config.endpointPort, 'TARDIGRADE_ENDPOINT_PORT');
}

/** Any other failure is the listener's to tell. */
function tryPort(host: string, port: number, setting: string): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return resolve();
      reject(new CliError(EXIT.failed, `port ${port} of ${host} is in use`, [`see by what, and end it: ss -ltnp 'sport = :${port}'`, `or take another: ${setting}=${port === 65_535 ? port - 1 : port + 1} tardigrade serve`]));
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}
