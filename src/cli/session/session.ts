/** The client's side of the extension (docs/shell.md). */
import { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { SESSION_CHANNEL } from '../../endpoint/contracts.js';
import { SessionError } from './error.js';

export interface Size {
  readonly cols: number;
  readonly rows: number;
}

export type Start =
  | { readonly run: 'shell'; readonly size?: Size }
  | { readonly run: 'exec'; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string; readonly user?: string; readonly terminal?: Size }
  | { readonly run: 'pack' | 'unpack'; readonly path: string };

const serverText = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session_init'), session_id: z.string() }),
  z.object({ type: z.literal('exit'), code: z.number().int().min(0).max(255) }),
  z.object({ type: z.literal('error'), code: z.string(), message: z.string() }),
]);

/** A sign of life: a client that waits for its own output reads nothing, and so answers no ping. */
const ALIVE_MS = 15_000;

export class ClientSession {
  /** Exit code. Rejects with SessionError. */
  readonly exited: Promise<number>;
  /** The program's input; its end is passed on. */
  readonly stdin: Writable;
  #fail: (code: string, message: string) => void = () => undefined;

  private constructor(private readonly ws: WebSocket, outputs: { readonly stdout: Writable; readonly stderr: Writable }, onReady: () => void) {
    const alive = setInterval(() => ws.pong(), ALIVE_MS);
    this.exited = new Promise((resolve, reject) => {
      const fail = (this.#fail = (code, message) => {
        reject(new SessionError(code, message));
        ws.terminate();
      });
      ws.on('message', (data: Buffer, isBinary: boolean) => {
        if (isBinary) {
          const out = data[0] === SESSION_CHANNEL.stderr ? outputs.stderr : outputs.stdout;
          if (out.write(data.subarray(1))) return;
          ws.pause();
          out.once('drain', () => ws.resume());
          return;
        }
        const message = parse(data.toString());
        if (message === undefined) return fail('lost', 'the endpoint sent what is no message of a session');
        if (message.type === 'session_init') onReady();
        else if (message.type === 'exit') resolve(message.code);
        else fail(message.code, message.message);
      });
      ws.once('error', (error) => fail('lost', `the connection broke: ${error.message}`));
      ws.once('close', (code) => {
        clearInterval(alive);
        reject(new SessionError('lost', `the connection ended before the program did (${code})`));
      });
    });
    this.exited.catch(() => undefined); // whoever waits for it takes it
    this.stdin = new Writable({
      write: (chunk: Buffer, _encoding, done) => ws.send(chunk, { binary: true }, () => done()), // a broken connection shows in `exited`
      final: (done) => {
        this.#control({ type: 'eof' });
        done();
      },
    });
  }

  /** Resolves when the program runs. Rejects with SessionError. */
  static async start(ws: WebSocket, start: Start, outputs: { readonly stdout: Writable; readonly stderr: Writable }): Promise<ClientSession> {
    let session!: ClientSession;
    const ready = new Promise<void>((resolve) => (session = new ClientSession(ws, outputs, resolve)));
    ws.send(JSON.stringify({ type: 'start', ...start }));
    await Promise.race([ready, session.exited]);
    return session;
  }

  resize(size: Size): void {
    this.#control({ type: 'resize', ...size });
  }

  signal(name: string): void {
    this.#control({ type: 'signal', name });
  }

  /** Leaves: a terminal hangs up, a program without one is killed; `exited` rejects. */
  close(): void {
    this.#fail('left', 'left the session before its program ended');
  }

  #control(message: object): void {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(message));
  }
}

function parse(message: string): z.infer<typeof serverText> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return serverText.safeParse(value).data;
}
