/** `tardigrade curl <id> [path]`: a request to the application of a MicroVM, with a token of its own. */
import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../client/api.js';
import { Endpoint, refusalOf, type EndpointRequest } from '../client/endpoint.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { findMicrovm } from '../resolve.js';

export interface CurlOptions {
  readonly request?: string;
  readonly header: readonly string[];
  readonly data?: string;
  readonly port: number;
  readonly include?: boolean;
  readonly fail?: boolean;
}

/** It is used at once, for a request that may take long: the endpoint checks it at the start. */
const TOKEN_MINUTES = 1;

export async function curl(context: Context, given: string, path: string, options: CurlOptions, signal: AbortSignal): Promise<void> {
  const headers = options.header.flatMap(parseHeader);
  const api = await context.api();
  const endpoint = await Endpoint.of(api, await findMicrovm(api, given), options.port, TOKEN_MINUTES);
  try {
    const body = options.data === undefined ? undefined : bodyOf(options.data, context.io.stdin);
    const method = options.request ?? (body === undefined ? 'GET' : 'POST');
    const response = await answered(api, endpoint, { method, path: path.startsWith('/') ? path : `/${path}`, headers: withDefaults(headers, body), body }, signal);
    await show(context, response, options);
  } finally {
    endpoint.close();
  }
}

/** An application may begin to listen a moment after its MicroVM runs: so long is waited for one, and only so soon after its start. ms */
const STARTING_MS = 60_000;
const WAIT_MS = 10_000;
const AGAIN_MS = 200;

/** The application's own answer. Throws CliError for the endpoint's. Only what may be sent twice is. */
async function answered(api: Api, endpoint: Endpoint, request: EndpointRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const until = Date.now() + WAIT_MS;
  const patient = (request.method === 'GET' || request.method === 'HEAD') && request.body === undefined && Date.now() - endpoint.microvm.startedAt * 1000 < STARTING_MS;
  for (;;) {
    const response = await endpoint.send(request, signal);
    const refusal = await refusalOf(api, endpoint, response);
    if (refusal === undefined) return response;
    if (!patient || response.headers['x-aws-proxy-error'] !== 'APP_CONNECT_FAILED' || Date.now() > until || signal.aborted) throw refusal;
    response.resume();
    await sleep(AGAIN_MS);
  }
}

async function show(context: Context, response: IncomingMessage, { include, fail }: CurlOptions): Promise<void> {
  const { statusCode = 0, statusMessage = '', rawHeaders } = response;
  if (context.json) {
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const text = body.toString('utf8');
    const isText = Buffer.from(text, 'utf8').equals(body);
    context.result({ status: statusCode, headers: pairs(rawHeaders), ...(isText ? { body: text } : { bodyBase64: body.toString('base64') }) }, () => '');
  } else {
    if (include === true) context.print(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${pairs(rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    await pipeline(response, context.io.stdout, { end: false });
  }
  if (fail === true && statusCode >= 400) throw new CliError(EXIT.failed, `the application answers ${statusCode} ${statusMessage}`);
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, raw[i + 1] ?? '']] : []));
}

function parseHeader(text: string): string[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new CliError(EXIT.usage, `--header ${text}: must be 'Name: value'`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

/** `@file`, `@-` for standard input, or the data itself. */
function bodyOf(data: string, stdin: Readable): Readable | string {
  if (!data.startsWith('@')) return data;
  return data === '@-' ? stdin : createReadStream(data.slice(1));
}

/** A body of known length says it; another is chunked. */
function withDefaults(headers: readonly string[], body: Readable | string | undefined): string[] {
  const has = (name: string): boolean => headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return [
    ...headers,
    ...(has('user-agent') ? [] : ['user-agent', 'tardigrade']),
    ...(has('accept') ? [] : ['accept', '*/*']),
    ...(body === undefined || has('content-type') ? [] : ['content-type', 'application/x-www-form-urlencoded']),
    ...(typeof body === 'string' && !has('content-length') ? ['content-length', String(Buffer.byteLength(body))] : []),
    ...(typeof body === 'object' && !has('transfer-encoding') ? ['transfer-encoding', 'chunked'] : []),
  ];
}
