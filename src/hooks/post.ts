import { request } from 'node:http';
import type { Duplex } from 'node:stream';

/** Bytes of an answer's body that are read; the application is untrusted and its body is of no use. */
const MAX_BODY = 64 * 1024;

export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * One POST over `stream`, which it owns and always closes. Gives the status once the body has ended, is longer than
 * 64 KiB, or broke off: the status alone counts. Rejects when no status came, or with the signal's reason.
 */
export function postOnce(stream: Duplex, post: Post, signal: AbortSignal): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    if (signal.aborted) {
      stream.destroy();
      return reject(signal.reason as Error);
    }
    let status: number | undefined;
    const onAbort = (): void => finish(signal.reason as Error);
    const req = request({
      method: 'POST',
      path: post.path,
      headers: post.headers,
      setHost: false,
      createConnection: () => stream,
    });
    const finish = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      if (status !== undefined) resolve(status);
      else reject(error ?? new Error('the connection ended without an answer'));
      req.destroy();
      stream.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays for good: a stream that is destroyed may still report what broke it.
    stream.on('error', finish);
    req.on('error', finish);
    req.on('close', () => finish());
    req.on('response', (response) => {
      status = response.statusCode;
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > MAX_BODY) finish();
      });
      response.on('end', () => finish());
      response.on('error', finish);
    });
    req.end(post.body);
  });
}
