/** Any TCP protocol, over sessions in the container: the endpoint itself speaks HTTP alone. */
import { createServer, type Server, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { RemoteAccess } from '../../daemon/remote.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { connect } from '../session/connect.js';
import { ClientSession } from '../session/session.js';

/** The first of these that the container has connects standard input and output with its port $1. */
const CONNECT = `
if command -v socat >/dev/null 2>&1; then exec socat - "TCP:127.0.0.1:$1"; fi
if command -v python3 >/dev/null 2>&1; then exec python3 -c '
import os, socket, sys, threading
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while True:
        data = os.read(0, 65536)
        if not data: break
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    data = s.recv(65536)
    if not data: break
    while data: data = data[os.write(1, data):]
' "$1"; fi
if command -v nc >/dev/null 2>&1; then exec nc 127.0.0.1 "$1"; fi
echo "the container has none of socat, python3 and nc" >&2
exit 127
`;
/** Of what the program says, for the message. */
const MESSAGES_MAX = 2000;

/** A session for each connection; `warn` is told of those that fail. */
export function createRawServer(access: RemoteAccess, id: string, port: number, warn: (error: unknown) => void): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    join(socket, access, id, port).catch((error: unknown) => {
      socket.destroy();
      warn(error);
    });
  });
}

async function join(socket: Socket, access: RemoteAccess, id: string, port: number): Promise<void> {
  let said = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said = (said + chunk.toString()).slice(0, MESSAGES_MAX);
      done();
    },
  });
  const session = await ClientSession.start(await connect(access, id), { run: 'exec', args: ['sh', '-c', CONNECT, 'sh', String(port)] }, { stdout: socket, stderr });
  socket.once('close', () => session.close());
  socket.pipe(session.stdin);
  const code = await session.exited.catch((error: unknown) => {
    if (socket.destroyed) return 0; // this side left
    throw error;
  });
  socket.end();
  if (code !== 0) throw new CliError(EXIT.unreachable, `no connection to port ${port} in MicroVM ${id}: ${printable(said).trim().split('\n').at(-1) ?? ''}`, ['see that the application listens there, on 127.0.0.1 or all addresses', 'the container needs socat, python3 or nc']);
}
