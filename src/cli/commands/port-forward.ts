/**
 * `tardigrade port-forward <id> [local:]remote`: a port of this computer that leads to one of a MicroVM. HTTP/1.1 and
 * WebSocket go through the endpoint, each request with a token that is still good; with --raw, bytes of any protocol go
 * through a session in the container (raw-forward.ts).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request as open } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Endpoint, MAX_TOKEN_MINUTES, refusalOf } from '../client/endpoint.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { explain } from '../explain.js';
import { findMicrovm, shortId } from '../resolve.js';

export interface ForwardOptions {
  readonly address: string;
  readonly raw?: boolean;
}

/** Until `signal`. */
export async function portForward(context: Context, given: string, ports: string, { address, raw }: ForwardOptions, signal: AbortSignal): Promise<void> {
  const { local, remote } = parsePorts(ports);
  const api = await context.api();
  const id = await findMicrovm(api, given);
  const warn = (error: unknown): void => {
    const { message, fix } = explain(error);
    context.note([`tardigrade: ${message}`, ...fix.map((line) => `  → ${line}`)].join('\n'));
  };
  if (raw === true) {
    const { createRawServer } = await import('./raw-forward.js');
    return serve(context, createRawServer(api.access, id, remote, warn), { id, address, local, remote, scheme: 'tcp' }, signal);
  }
  const endpoint = await Endpoint.of(api, id, remote, MAX_TOKEN_MINUTES);
  const server = createServer((request, response) => void forward(endpoint, request, response).catch(() => response.destroy()));
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => void upgrade(endpoint, request, socket, head).catch(() => socket.destroy()));

  async function forward(to: Endpoint, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const answer = await to.send({ method: request.method ?? 'GET', path: request.url ?? '/', headers: forwarded(request), body: request }, gone.signal);
      const refusal = await refusalOf(api, to, answer);
      if (refusal !== undefined) warn(refusal);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
      await pipeline(answer, response);
    } catch (error) {
      if (response.destroyed) return;
      if (response.headersSent) return void response.destroy();
      warn(error);
      response.writeHead(502, { 'content-type': 'text/plain' }).end(`${explain(error).message}\n`);
    }
  }
  try {
    await serve(context, server, { id, address, local, remote, scheme: 'http' }, signal);
  } finally {
    endpoint.close();
  }
}

/** All but what belongs to this hop; the endpoint's name and token come in their place. */
function forwarded({ rawHeaders }: IncomingMessage): string[] {
  const own = new Set(['host', 'connection', 'keep-alive', 'proxy-connection', 'x-aws-proxy-auth', 'x-aws-proxy-port']);
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 && !own.has(name.toLowerCase()) ? [name, rawHeaders[i + 1] ?? ''] : []));
}

async function upgrade(endpoint: Endpoint, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
  const options = await endpoint.options({ method: request.method ?? 'GET', path: request.url ?? '/', headers: ['connection', 'Upgrade', ...forwarded(request)] });
  const outgoing = open(options);
  socket.once('close', () => outgoing.destroy());
  outgoing.once('error', () => socket.destroy());
  outgoing.once('response', (answer) => {
    // No upgrade: the answer says why, and the connection ends with it.
    socket.write(headOf(answer, ['connection', 'close']));
    pipeline(answer, socket).catch(() => socket.destroy());
  });
  outgoing.once('upgrade', (answer: IncomingMessage, upstream: Socket, first: Buffer) => {
    socket.write(headOf(answer, []));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) upstream.write(head);
    for (const [from, to] of [[socket, upstream], [upstream, socket]] as const) pipeline(from, to).catch(() => to.destroy());
  });
  outgoing.end();
}

/** Framing of the body is the connection's end. */
function headOf({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage, more: readonly string[]): string {
  const closing = more.length > 0;
  const lines = [...rawHeaders, ...more].flatMap((name, i, all) => (i % 2 === 0 && !(closing && i < rawHeaders.length && /^(connection|transfer-encoding)$/i.test(name)) ? [`${name}: ${all[i + 1] ?? ''}`] : []));
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** `remote`, or `local:remote`; local 0 is any free port. */
export function parsePorts(text: string): { readonly local: number; readonly remote: number } {
  const [, first, second] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? [];
  const remote = Number(second ?? first);
  const local = Number(first);
  if (first === undefined || remote < 1 || remote > 65_535 || local > 65_535) {
    throw new CliError(EXIT.usage, `'${text}' is no pair of ports`, ['write it as <local>:<remote>, e.g. 3000:8080; a single number is both; local 0 is any free port']);
  }
  return { local, remote };
}

interface Place {
  readonly id: string;
  readonly address: string;
  readonly local: number;
  readonly remote: number;
  readonly scheme: 'http' | 'tcp';
}

async function serve(context: Context, server: Server | NetServer, { id, address, local, remote, scheme }: Place, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, address, local, remote)));
    server.listen(local, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  context.result({ microvmId: id, url, remotePort: remote }, () => `${url} leads to port ${remote} of ${shortId(id)}; Ctrl-C ends it\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  if ('closeAllConnections' in server) server.closeAllConnections();
  server.close();
}

function listenError(error: NodeJS.ErrnoException, address: string, local: number, remote: number): Error {
  if (error.code === 'EADDRINUSE') return new CliError(EXIT.failed, `port ${local} of ${address} is in use`, [`name another: ${local === 65_535 ? 0 : local + 1}:${remote}, or any free one: 0:${remote}`]);
  if (error.code === 'EACCES') return new CliError(EXIT.failed, `this user may not listen on port ${local}`, [`name one above 1023: 8080:${remote}`]);
  return error;
}
