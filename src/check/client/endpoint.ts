/** Requests to the application in one MicroVM, as any client sends them: TLS, a token, a path. */
import { once } from 'node:events';
import { Agent, request, type RequestOptions } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { loopback } from '../../sockets/loopback.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** `x-aws-proxy-error`. */
  readonly proxyError: string | undefined;
}

export interface Sent {
  readonly path: string;
  readonly token?: string | undefined;
  readonly port?: number | undefined;
}

/** A resume waits behind the request; a slow application may too. */
const ANSWER_MS = 60_000;
const BODY_SHOWN = 2000;

export class Endpoint {
  readonly #agent: Agent;
  readonly #base: RequestOptions;

  /** `endpoint`: `<host>` or `<host>:<port>`, as RunMicrovm answers it. */
  constructor(endpoint: string, ca: Buffer | undefined) {
    const [host = '', port = '443'] = endpoint.split(':');
    this.#agent = new Agent({ keepAlive: true, lookup: loopback, ...(ca === undefined ? {} : { ca }) });
    this.#base = { agent: this.#agent, host, port, servername: host };
  }

  async get(sent: Sent): Promise<Answer> {
    const outgoing = request({ ...this.#base, path: sent.path, headers: headersOf(sent), signal: AbortSignal.timeout(ANSWER_MS) });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    const body = await buffer(response);
    const error = response.headers['x-aws-proxy-error'];
    return { status: response.statusCode ?? 0, body: body.subarray(0, BODY_SHOWN).toString('utf8'), proxyError: Array.isArray(error) ? error.join() : error };
  }

  /** A client that begins a request with a body and goes away half-way. */
  async abandon(sent: Sent): Promise<void> {
    const outgoing = request({ ...this.#base, agent: false, lookup: loopback, ca: this.#agent.options.ca, path: sent.path, method: 'POST', headers: { ...headersOf(sent), 'content-length': '1048576' } });
    outgoing.on('error', () => undefined); // it is we who break it off
    await new Promise<void>((resolve) => outgoing.write(Buffer.alloc(1024), () => resolve()));
    outgoing.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }
}

function headersOf({ token, port }: Sent): Record<string, string> {
  return { ...(token === undefined ? {} : { 'x-aws-proxy-auth': token }), ...(port === undefined ? {} : { 'x-aws-proxy-port': String(port) }) };
}
