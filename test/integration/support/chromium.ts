/** Headless Chromium, asked over its DevTools socket. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { WebSocket } from 'ws';

export interface Chromium {
  readonly version: string;
  /** The value of an expression in an empty page; promises are awaited. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Reply {
  readonly id: number;
  readonly result?: { readonly sessionId?: string; readonly targetId?: string; readonly product?: string; readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: unknown };
  readonly error?: { readonly message: string };
}

/** `trusted`: a certificate accepted as if its authority were installed. Rejects when there is no Chromium. */
export async function startChromium(trusted: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'tardigrade-chromium-'));
  const key = createHash('sha256').update(new X509Certificate(trusted).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  const child = spawn('chromium', [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--remote-debugging-port=0',
    `--user-data-dir=${profile}`, `--ignore-certificate-errors-spki-list=${key}`, 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  const close = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const socket = new WebSocket(await devToolsUrl(child));
    await once(socket, 'open');
    const send = sender(socket);
    const { product = '' } = await send('Browser.getVersion');
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    return {
      version: product,
      close,
      async evaluate(expression) {
        const answer = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
        if (answer.exceptionDetails !== undefined) throw new Error(`chromium: ${JSON.stringify(answer.exceptionDetails)}`);
        return answer.result?.value;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function sender(socket: WebSocket) {
  let last = 0;
  const waiting = new Map<number, (reply: Reply) => void>();
  socket.on('message', (data: Buffer) => {
    const reply = JSON.parse(data.toString()) as Reply;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  return async (method: string, params: object = {}, sessionId?: string): Promise<NonNullable<Reply['result']>> => {
    last += 1;
    const id = last;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
    if (reply.error !== undefined) throw new Error(`chromium: ${method}: ${reply.error.message}`);
    return reply.result ?? {};
  };
}

function devToolsUrl(child: ChildProcessByStdio<null, null, Readable>): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', () => reject(new Error(`chromium ended early: ${text}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const url = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}
