/** Requests to a MicroVM's endpoint. `*.localhost` needs no DNS: it is this host by definition (RFC 6761). */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

export interface EndpointClient {
  send(path: string, options?: { method?: string; body?: string | Buffer; headers?: Record<string, string> }): Promise<Answer>;
  close(): void;
}

/** `endpoint` as RunMicrovm answers it: `<host>` or `<host>:<port>`. */
export function endpointClient(endpoint: string, caFile: string | undefined, token: string): EndpointClient {
  const [host = '', port = '443'] = endpoint.split(':');
  const lookup = lookupOf(host);
  const agent = new Agent({ keepAlive: true, ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }), ...(lookup === undefined ? {} : { lookup }) });
  return {
    send: (path, { method = 'GET', body, headers = {} } = {}) =>
      new Promise((resolve, reject) => {
        const sent = request({ agent, host, port, path, method, servername: host, headers: { 'x-aws-proxy-auth': token, ...headers } }, (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }), reject);
        });
        sent.once('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** How to find a host; undefined: as any other. */
export function lookupOf(host: string): LookupFunction | undefined {
  if (!host.endsWith('.localhost')) return undefined;
  return (_name, { all }, done) => (all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4));
}
