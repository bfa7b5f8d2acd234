/** Calls of the API from the command line: of this host's service, or of the one the AWS_* variables name. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { signRequest, type SigningKey } from '../api/sigv4/sign.js';
import type { Config } from '../config/config.js';
import { messageOf, OperatorError } from '../errors/index.js';
import { localAccess } from './access.js';

export interface RemoteAccess {
  readonly apiUrl: string;
  readonly key: SigningKey;
  readonly region: string;
  /** PEM file of the authority that signed the endpoint's certificate; absent: the system's. */
  readonly caFile: string | undefined;
}

/** With AWS_ENDPOINT_URL, as `tardigrade env` exports it, keys and Region are the environment's too; else this host's. */
export async function remoteAccess(config: Config, env: NodeJS.ProcessEnv = process.env): Promise<RemoteAccess> {
  const apiUrl = env['AWS_ENDPOINT_URL'];
  if (!apiUrl) return hostAccess(config);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (!accessKeyId || !secretAccessKey) {
    throw new OperatorError(`AWS_ENDPOINT_URL is ${apiUrl}, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: set them, or unset it to use this host's service`);
  }
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? config.region;
  return { apiUrl, key: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }, region, caFile: env['TARDIGRADE_CA_FILE'] };
}

/** To this host's service, whatever the environment says. */
export async function hostAccess(config: Config): Promise<RemoteAccess> {
  const { accessKeyId, secretAccessKey, ...access } = await localAccess(config);
  return { ...access, key: { accessKeyId, secretAccessKey } };
}

/** An error answer of the API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

const CALL_MS = 30_000;
const errorBody = z.object({ message: z.string().optional(), Message: z.string().optional() });

/** Throws {@link ApiError} for an error answer, OperatorError when there is none, the reason of `signal` when that ends it. */
export async function callApi(access: RemoteAccess, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, signal?: AbortSignal): Promise<unknown> {
  const url = new URL(path, access.apiUrl);
  const payload = body === undefined ? '' : JSON.stringify(body);
  const headers = signRequest(
    { method, url, headers: body === undefined ? {} : { 'content-type': 'application/json' }, payloadHash: createHash('sha256').update(payload).digest('hex') },
    access.key, { region: access.region, service: 'lambda' }, Date.now(),
  );
  let response: Response;
  try {
    response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: payload }), signal: AbortSignal.any([AbortSignal.timeout(CALL_MS), ...(signal === undefined ? [] : [signal])]) });
  } catch (error) {
    signal?.throwIfAborted();
    const cause = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    throw new OperatorError(`nothing answers at ${access.apiUrl} (${cause}): is the service running, with the same settings? AWS_ENDPOINT_URL names another one`);
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text === '' ? '{}' : text);
  const type = (response.headers.get('x-amzn-errortype') ?? `HTTP ${response.status}`).split(':')[0] ?? '';
  throw new ApiError(type, errorMessage(text) ?? `${method} ${url.pathname}: ${type}`);
}

function errorMessage(text: string): string | undefined {
  try {
    const { message, Message } = errorBody.parse(JSON.parse(text));
    return message ?? Message;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
