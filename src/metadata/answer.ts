/**
 * The protocol, apart from sockets. Statuses and texts are those of Firecracker's MMDS, which the live service answers
 * with (spec §8.3). Unknown: metadata-texts
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type MetadataSubject, RoleDeniedError, RoleUnavailableError, type RoleCredentialSource } from './contracts.js';
import { MAX_TTL, MIN_TTL, type SessionTokens } from './tokens.js';
import { credentialsDocument, denialDocument, read, treeOf } from './tree.js';

export interface MetadataRequest {
  readonly method: string;
  /** As sent: with a query, or in absolute form. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface MetadataAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AnswerDeps {
  readonly tokens: SessionTokens;
  readonly credentials: RoleCredentialSource;
  readonly region: string;
  readonly zoneId: string;
  /** Tags of an image. */
  readonly tagsOf: (imageArn: string) => Readonly<Record<string, string>>;
  /** ms since 1970 */
  readonly now: () => number;
  /** A role could not be taken; the guest is told too. */
  readonly failed: (subject: MetadataSubject, error: RoleDeniedError | RoleUnavailableError) => void;
}

const TOKEN_PATH = '/latest/api/token';
/** Each header has two names, the second is Firecracker's own. */
const TOKEN = ['x-aws-ec2-metadata-token', 'x-metadata-token'] as const;
const TTL = ['x-aws-ec2-metadata-token-ttl-seconds', 'x-metadata-token-ttl-seconds'] as const;
/** Characters of a guest's own text that an answer repeats. */
const MAX_ECHO = 256;

export async function answer(deps: AnswerDeps, subject: MetadataSubject, request: MetadataRequest): Promise<MetadataAnswer> {
  const path = pathOf(request.target);
  if (request.method !== 'GET' && request.method !== 'PUT') return { status: 405, body: 'Not allowed HTTP method.', headers: { allow: 'GET, PUT' } };
  if (path === undefined) return { status: 400, body: 'Invalid URI.' };
  return request.method === 'PUT' ? put(deps, subject, path, request.headers) : get(deps, subject, path, request.headers);
}

function put({ tokens }: AnswerDeps, subject: MetadataSubject, path: string, headers: IncomingHttpHeaders): MetadataAnswer {
  // A proxy that is tricked into a PUT says so: whoever is behind it gets no token.
  if (headers['x-forwarded-for'] !== undefined) return { status: 400, body: 'Invalid header. Reason: Unsupported header name. Key: x-forwarded-for' };
  if (path !== TOKEN_PATH) return notFound(path);
  const [name, ttl] = header(headers, TTL);
  if (ttl === undefined) return { status: 400, body: 'Token time to live value not found. Use `X-metadata-token-ttl-seconds` or `X-aws-ec2-metadata-token-ttl-seconds` header to specify the token\'s lifetime.' };
  const seconds = /^\d{1,9}$/.test(ttl) ? Number(ttl) : NaN;
  if (!(seconds >= MIN_TTL && seconds <= MAX_TTL)) {
    return { status: 400, body: `Invalid time to live value provided for token: ${ttl.slice(0, MAX_ECHO)}. Please provide a value between ${MIN_TTL} and ${MAX_TTL}.` };
  }
  // Some SDKs refuse a token whose answer does not say how long it lives.
  return { status: 200, body: tokens.issue(subject.id, seconds), headers: { [name]: String(seconds) } };
}

async function get(deps: AnswerDeps, subject: MetadataSubject, path: string, headers: IncomingHttpHeaders): Promise<MetadataAnswer> {
  const [, token] = header(headers, TOKEN);
  if (token === undefined) return { status: 401, body: 'No MMDS token provided. Use `X-metadata-token` or `X-aws-ec2-metadata-token` header to specify the session token.' };
  if (!deps.tokens.isValid(subject.id, token)) return { status: 401, body: 'MMDS token not valid.' };
  const tree = treeOf(subject, { region: deps.region, zoneId: deps.zoneId, tags: deps.tagsOf(subject.imageArn), document: () => documentOf(deps, subject) });
  try {
    const found = await read(tree, path);
    return found === undefined ? notFound(path) : { status: 200, body: found };
  } catch (error) {
    if (!(error instanceof RoleUnavailableError)) throw error;
    return { status: 503, body: 'Credentials of the role cannot be had now: try again.' };
  }
}

async function documentOf(deps: AnswerDeps, subject: MetadataSubject): Promise<string> {
  const { id, accountId, startedAt, executionRoleArn: roleArn = '' } = subject;
  try {
    return credentialsDocument(await deps.credentials.credentialsOf({ id, accountId, startedAt, roleArn }));
  } catch (error) {
    if (error instanceof RoleDeniedError || error instanceof RoleUnavailableError) deps.failed(subject, error);
    if (error instanceof RoleDeniedError) return denialDocument(error.forGuest, deps.now());
    throw error;
  }
}

/** Decoded, without the query. */
function pathOf(target: string): string | undefined {
  const [path = ''] = target.replace(/^http:\/\/[^/]*/i, '').split('?', 1);
  try {
    return path.startsWith('/') ? decodeURIComponent(path).replace(/\/{2,}/g, '/') : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The first of the names that is there, and its value. A header sent twice is joined by node and fits no rule. */
function header(headers: IncomingHttpHeaders, names: readonly [string, ...string[]]): readonly [name: string, value: string | undefined] {
  const name = names.find((candidate) => headers[candidate] !== undefined) ?? names[0];
  const value = headers[name];
  return [name, Array.isArray(value) ? value.join(', ') : value];
}

function notFound(path: string): MetadataAnswer {
  return { status: 404, body: `Resource not found: ${path.slice(0, MAX_ECHO)}.` };
}
