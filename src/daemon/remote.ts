/** Signed calls of the API, as any client makes them: of this host's service or of another's. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { signRequest, type SigningKey } from '../api/sigv4/sign.js';
import { OperatorError } from '../errors/index.js';
import { loopback } from '../sockets/loopback.js';

export interface RemoteAccess {
  readonly apiUrl: string;
  readonly key: SigningKey;
  readonly region: string;
  /** PEM file of the authority that signed the endpoint's certificate, and the API's if that is https; absent: the system's. */
  readonly caFile: string | undefined;
}

/** An error answer of the API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly type: string,
    message: string,
    readonly status = 0,
    /** The server's clock when it answered, ms since 1970; NaN: it did not say. */
    readonly serverTime = NaN,
  ) {
    super(message);
  }
}

/** No answer came: nobody listens, the name is unknown, or the certificate is not trusted. */
export class UnreachableError extends OperatorError {
  constructor(
    message: string,
    /** The system's or OpenSSL's, e.g. `ECONNREFUSED`. */
    readonly code: string,
  ) {
    super(message);
  }
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** With its query, if any. */
  readonly path: string;
  readonly service?: 'lambda' | 'logs' | 's3';
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | { readonly stream: Readable; readonly bytes: number; /** hex */ readonly sha256: string };
  /** Until the answer begins; absent: no limit. */
  readonly timeoutMs?: number;
}

const CALL_MS = 30_000;

/** The answer, whatever its status. Throws {@link UnreachableError} when there is none, the reason of `signal` when that ends it. */
export async function sendSigned(access: RemoteAccess, request: ApiRequest, signal?: AbortSignal): Promise<IncomingMessage> {
  const { method, body = '', service = 'lambda' } = request;
  const url = new URL(request.path, access.apiUrl);
  const payloadHash = typeof body === 'string' ? createHash('sha256').update(body).digest('hex') : body.sha256;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.bytes;
  const signed = signRequest({ method, url, headers: request.headers ?? {}, payloadHash }, access.key, { region: access.region, service }, Date.now());
  const headers = method === 'GET' || method === 'HEAD' ? signed : { ...signed, 'content-length': String(length) };
  const secure = url.protocol === 'https:';
  const { request: open } = secure ? await import('node:https') : await import('node:http');
  const ca = secure && access.caFile !== undefined ? await readFile(access.caFile) : undefined;
  const limits = [...(signal === undefined ? [] : [signal]), ...(request.timeoutMs === undefined ? [] : [AbortSignal.timeout(request.timeoutMs)])];
  const outgoing = open(url, { method, headers, lookup: loopback, signal: AbortSignal.any(limits), ...(ca === undefined ? {} : { ca }) });
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', (error) => reject(signal?.aborted === true ? (signal.reason as Error) : unreachable(access, error)));
    // A server that refuses may answer before it took all: its answer counts, or the request's own error.
    if (typeof body === 'string') outgoing.end(body);
    else pipeline(body.stream, outgoing).catch(() => undefined);
  });
}

function unreachable({ apiUrl }: RemoteAccess, error: NodeJS.ErrnoException): UnreachableError {
  const cause = error instanceof AggregateError ? (error.errors as Error[]).map(({ message }) => message).join('; ') : error.message;
  const what = error.name === 'TimeoutError' || error.code === 'ABORT_ERR' ? 'no answer in time' : cause;
  return new UnreachableError(`nothing answers at ${apiUrl} (${what}): is the service running, with the same settings? AWS_ENDPOINT_URL names another one`, error.code ?? '');
}

/** The answer's JSON. Throws {@link ApiError} for an error answer, and as {@link sendSigned}. */
export async function callApi(access: RemoteAccess, method: ApiRequest['method'], path: string, body?: object, signal?: AbortSignal): Promise<unknown> {
  const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return readJson(await sendSigned(access, { method, path, ...sent, timeoutMs: CALL_MS }, signal), `${method} ${path}`);
}

/** A call of CloudWatch Logs, which the same address serves. */
export async function callLogs(access: RemoteAccess, operation: string, input: object, signal?: AbortSignal): Promise<unknown> {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${operation}` };
  return readJson(await sendSigned(access, { method: 'POST', path: '/', service: 'logs', headers, body: JSON.stringify(input), timeoutMs: CALL_MS }, signal), operation);
}

async function readJson(response: IncomingMessage, what: string): Promise<unknown> {
  if ((response.statusCode ?? 0) >= 300) throw await apiError(response, what);
  const body = await text(response);
  return JSON.parse(body === '' ? '{}' : body);
}

/** What an error answer says, in JSON or, from S3, in XML. */
export async function apiError(response: IncomingMessage, what: string): Promise<ApiError> {
  const body = await text(response);
  const { statusCode = 0, headers } = response;
  const members = errorMembers(body);
  const header = headers['x-amzn-errortype'];
  const type = ((Array.isArray(header) ? header[0] : header) ?? members.type ?? `HTTP ${statusCode}`).split(':')[0] ?? '';
  return new ApiError(type, members.message ?? `${what}: ${type}`, statusCode, Date.parse(headers.date ?? ''));
}

function errorMembers(body: string): { readonly type?: string | undefined; readonly message?: string | undefined } {
  if (body.startsWith('<')) return { type: /<Code>([^<]*)</.exec(body)?.[1], message: /<Message>([^<]*)</.exec(body)?.[1] };
  try {
    const members = JSON.parse(body) as Partial<Record<string, unknown>> | null;
    const textOf = (name: string): string | undefined => (typeof members?.[name] === 'string' ? members[name] : undefined);
    return { type: textOf('__type'), message: textOf('message') ?? textOf('Message') };
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
