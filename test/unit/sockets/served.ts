/** A daemon in small: serves on the socket it was given, says that it is ready, and ends at SIGTERM. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { listenOn } from '../../../src/sockets/listen.js';
import { createServiceManager } from '../../../src/sockets/notify.js';

const [name = '', port = '0'] = process.argv.slice(2);
const manager = createServiceManager(process.env, (error) => process.stderr.write(`${error.message}\n`));
const server = createServer((request, response) => {
  // Programs that a daemon starts must not keep its sockets open.
  if (request.url === '/descriptors') spawn('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(response);
  else response.end(`${process.pid}`);
});
try {
  const bound = await listenOn(server, '127.0.0.1', Number(port), ({ message }) => message, name);
  process.on('SIGTERM', () => {
    manager.tell('STOPPING=1');
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
  manager.tell(`READY=1\nSTATUS=port ${bound}`);
  process.stdout.write(`${bound}\n`);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
