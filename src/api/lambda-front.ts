/** The JSON side of the listener: reads, authenticates, routes and answers one request of lambda-microvms. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { RequestError } from '../errors/index.js';
import type { AccessKey } from '../keys/key-ring.js';
import type { Throttle } from '../quotas/contracts.js';
import type { Authorize } from './access/authorize.js';
import { inDialect } from './dialect.js';
import { internalError, RequestTooLargeError, toWireError, UnknownOperationError, type WireError } from './errors.js';
import { headerMembers, queryMembers, type Operation, type Services } from './operation.js';
import { isSignedIn, type Proof } from './proof.js';
import { noting, type RequestFacts } from './request-facts.js';
import { createRouter } from './router.js';
import { sendServerSentEvents, ServerSentEvents } from './server-sent-events.js';
import { sha256 } from './sigv4/canonical.js';
import type { Claim } from './sigv4/claim.js';
import { AuthFailure } from './sigv4/failure.js';
import type { RequestHead } from './sigv4/request-head.js';
import { checkSignature, precheck, type Candidate, type VerifyOptions } from './sigv4/verify.js';
import { SerializationError } from './validation.js';

/** Largest request body, bytes; the service's own limit for synchronous payloads. Unknown: body-limit */
const maxBodyBytes = 6 * 1024 * 1024;

/** AWS's tolerance for clocks that are off. */
const maxSkewMs = 5 * 60_000;

export interface LambdaFrontDeps {
  readonly services: Services;
  readonly operations: readonly Operation[];
  readonly auth: Pick<VerifyOptions, 'findKey' | 'region'>;
  readonly throttle: Throttle;
  readonly authorize: Authorize;
  readonly clock: () => number;
  readonly log: Logger;
  /** Aborts when the server closes: streams end. */
  readonly closing: AbortSignal;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly facts: RequestFacts;
  /** Tells of the request now instead of at its end: for answers that go on. */
  readonly settle: () => void;
}

export interface LambdaFront {
  /** Never rejects: every outcome is an answer, unless the client is gone. */
  serve(exchange: Exchange, head: RequestHead, proof: Proof): Promise<void>;
  refuse(exchange: Exchange, error: unknown): void;
}

export function createLambdaFront(deps: LambdaFrontDeps): LambdaFront {
  const route = createRouter(deps.operations);

  const refuse: LambdaFront['refuse'] = (exchange, error) => {
    const known = toWireError(error, exchange.request.url);
    if (known === undefined) deps.log.error({ requestId: exchange.requestId, err: error }, 'request failed inside');
    sendError(exchange, inDialect(known ?? internalError(exchange.requestId), exchange.request.url ?? '', error));
  };

  async function identify(exchange: Exchange, head: RequestHead, proof: Proof): Promise<{ readonly key: AccessKey; readonly body: Buffer }> {
    const { facts, request } = exchange;
    if (isSignedIn(proof)) {
      facts.key = proof.signedIn;
      return { key: proof.signedIn, body: await readBody(request) };
    }
    if (proof === undefined) throw new AuthFailure('unsigned', 'the request is not signed');
    const candidate = precheck(proof, head, { ...noting(deps.auth, facts), now: deps.clock(), style: 'generic', maxSkewMs });
    requireService(proof);
    const body = await readBody(request);
    authenticate(candidate, head, body);
    return { key: candidate.key, body };
  }

  return {
    refuse,
    async serve(exchange, head, proof) {
      const { facts } = exchange;
      if (head.rawPath.startsWith('/tardigrade/')) facts.service = 'tardigrade';
      try {
        const { key, body } = await identify(exchange, head, proof);
        facts.proven = true;
        const found = route(head.method, head.rawPath);
        if (!found) throw new UnknownOperationError(`No operation has the method and path ${head.method} ${head.rawPath}`);
        const { operation, labels } = found;
        facts.operation = operation.name;
        // Signature, rate, shape, permission, meaning: the roles and ARNs that permission is about must be readable. Unknown: check-order
        deps.throttle.take(key.accountId, operation.name);
        const members = operation.body ? parseBody(body) : queryMembers(operation, head.query);
        const prepared = operation.prepare({ ...members, ...headerMembers(operation, head.headers), ...labels });
        facts.parameters = prepared.input;
        const sourceIp = exchange.request.socket.remoteAddress;
        deps.authorize({ key, sourceIp }, operation.name, prepared.input);
        const who = { accountId: key.accountId, accessKeyId: key.accessKeyId };
        const result = await prepared.run({ ...deps.services, who });
        if (result instanceof ServerSentEvents) {
          exchange.settle();
          await sendServerSentEvents(exchange.response, result, {
            closing: deps.closing,
            allowed: () => holds(() => deps.authorize({ key: currentKey(key), sourceIp }, operation.name, prepared.input)),
          });
          return;
        }
        facts.response = result;
        send(exchange, operation.status, operation.status === 204 ? '' : JSON.stringify(result));
      } catch (error) {
        // Of use to whoever reads of the refusal; that it has one does not matter for the answer.
        if (facts.operation === undefined && holds(() => route(head.method, head.rawPath))) facts.operation = route(head.method, head.rawPath)?.operation.name;
        refuse(exchange, error);
      }
    },
  };

  /** The key as it is now. Throws AuthFailure when it is gone or its time is over. */
  function currentKey(key: AccessKey): AccessKey {
    const now = deps.auth.findKey(key.accessKeyId, key.sessionToken);
    if (now?.secretAccessKey !== key.secretAccessKey) throw new AuthFailure('unknown-key', 'the access key is no longer one of this server');
    if (now.expiresAt !== undefined && deps.clock() >= now.expiresAt) throw new AuthFailure('session-expired', 'The security token included in the request is expired');
    return now;
  }
}

/** Does it pass without a request's error? */
function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof AuthFailure || error instanceof RequestError) return false;
    throw error;
  }
}

function requireService(claim: Claim): void {
  if (claim.service !== 'lambda') {
    throw new AuthFailure('wrong-scope', `Credential should be scoped to correct service: 'lambda' (the request is signed for '${claim.service}', which this server does not serve).`);
  }
}

/** The signature covers the hash the client states, or that of the body; a stated hash must be the body's. */
export function authenticate(candidate: Candidate, head: RequestHead, body: Buffer): void {
  const actual = sha256(body);
  const stated = head.headers.get('x-amz-content-sha256') ?? actual;
  checkSignature(candidate, head, stated, 'generic');
  if (stated !== actual) throw new AuthFailure('body-mismatch', 'The body is not the one that was signed: its SHA-256 differs from x-amz-content-sha256.');
}

const noBody = Buffer.alloc(0);

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  // Most requests have none, and an iterator over nothing costs more than all else of a Get.
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return noBody;
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early must not destroy the connection that the refusal goes out on.
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBodyBytes) throw new RequestTooLargeError(`Request must be smaller than ${maxBodyBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof RequestTooLargeError || request.complete) throw error;
    // The client's doing, and no fault of this server; nobody is there to read the answer.
    throw new SerializationError('The connection ended before the request body did');
  }
  return Buffer.concat(chunks);
}

/** Members the operation does not know are dropped later, by its schema. */
export function parseBody(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new SerializationError('The request body is not valid JSON');
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SerializationError('The request body must be a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function send({ request, response }: Exchange, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
  if (response.destroyed) return;
  // A stream that failed on its way: it must not look as if it had ended.
  if (response.headersSent) return void response.destroy();
  // No Content: neither a length nor a type (RFC 9110 §15.3.5).
  response.writeHead(status, status === 204 ? headers : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
  // A client that is still sending reads the answer only if its bytes keep being taken.
  request.resume();
}

function sendError(exchange: Exchange, error: WireError): void {
  exchange.facts.error = { code: error.type, message: error.members['message'] ?? error.members['Message'] ?? '' };
  send(exchange, error.status, JSON.stringify(error.members), { 'x-amzn-errortype': error.type, ...error.headers });
}
