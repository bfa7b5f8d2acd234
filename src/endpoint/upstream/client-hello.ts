/** Does the application at the other end of a stream speak TLS? Asked by a ClientHello, as AWS does (spec §5.5). */
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** What a TLS server may answer to a ClientHello: a handshake record or an alert, of any version 3.x. */
const HANDSHAKE = 0x16;
const ALERT = 0x15;
const MAJOR_VERSION = 3;

/**
 * Sends a ClientHello and ends its side at once: a TLS server answers before it reads that end, and a server of
 * anything else is not left waiting for a line that never comes. Destroys the stream. Never rejects: no answer within
 * `timeoutMs`, a reset or anything else is a no.
 */
export async function answersClientHello(stream: Duplex, serverName: string, timeoutMs: number): Promise<boolean> {
  const hello = await clientHello(serverName);
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const settle = (): void => {
      clearTimeout(timer);
      stream.destroy();
      resolve(isTls(seen));
    };
    const timer = setTimeout(settle, timeoutMs);
    stream.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (seen.length >= 2) settle();
    });
    stream.once('error', settle).once('end', settle).once('close', settle);
    stream.end(hello);
  });
}

/** The first two bytes of an answer decide. */
export function isTls(bytes: Uint8Array): boolean {
  return (bytes[0] === HANDSHAKE || bytes[0] === ALERT) && bytes[1] === MAJOR_VERSION;
}

/** One of OpenSSL's own, offering h2 and http/1.1. */
function clientHello(serverName: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
        setImmediate(() => socket.destroy()); // it is only asked for its first words, and says them before `connect` returns
      },
    });
    const socket = connect({ socket: wire, servername: serverName, ALPNProtocols: ['h2', 'http/1.1'], rejectUnauthorized: false });
    socket.on('error', () => socket.destroy()).once('close', () => wire.destroy());
  });
}
