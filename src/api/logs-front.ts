/** The CloudWatch Logs side of the listener: AWS JSON 1.1, `POST /` with the operation in `X-Amz-Target`. */
import { once } from 'node:events';
import type { Logger } from 'pino';
import { LogsError, type LogsAnswer, type LogsService } from '../aws/contracts.js';
import type { AccessKey } from '../keys/key-ring.js';
import { commonContext, denial, type Caller } from './access/authorize.js';
import { toWireError } from './errors.js';
import { eventMessage, eventStreamType } from './event-stream.js';
import { authenticate, parseBody, readBody, type Exchange } from './lambda-front.js';
import { isSignedIn, type Proof } from './proof.js';
import { noting } from './request-facts.js';
import type { Claim } from './sigv4/claim.js';
import { AuthFailure } from './sigv4/failure.js';
import type { RequestHead } from './sigv4/request-head.js';
import { precheck, type VerifyOptions } from './sigv4/verify.js';

/** AWS's tolerance for clocks that are off. */
const maxSkewMs = 5 * 60_000;
const targetPrefix = 'Logs_20140328.';
const contentType = 'application/x-amz-json-1.1';

export interface LogsFrontDeps {
  readonly logs: LogsService;
  readonly auth: Pick<VerifyOptions, 'findKey' | 'region'>;
  readonly clock: () => number;
  readonly log: Logger;
}

export interface LogsFront {
  /** Never rejects: every outcome is an answer, unless the client is gone. */
  serve(exchange: Exchange, head: RequestHead, proof: Proof): Promise<void>;
}

/** Is the request for CloudWatch Logs? What it is signed for decides, or its target when it is not signed. */
export function isForLogs(head: RequestHead, claim: Claim | undefined): boolean {
  return claim === undefined ? head.headers.get('x-amz-target')?.startsWith(targetPrefix) === true : claim.service === 'logs';
}

export function createLogsFront(deps: LogsFrontDeps): LogsFront {
  async function identify(exchange: Exchange, head: RequestHead, proof: Exclude<Proof, undefined>): Promise<{ readonly key: AccessKey; readonly body: Buffer }> {
    const { facts, request } = exchange;
    if (isSignedIn(proof)) {
      facts.key = proof.signedIn;
      return { key: proof.signedIn, body: await readBody(request) };
    }
    const candidate = precheck(proof, head, { ...noting(deps.auth, facts), now: deps.clock(), style: 'generic', maxSkewMs });
    const body = await readBody(request);
    authenticate(candidate, head, body);
    return { key: candidate.key, body };
  }

  async function answer(exchange: Exchange, head: RequestHead, proof: Proof): Promise<LogsAnswer> {
    if (proof === undefined) throw new AuthFailure('unsigned', 'Missing Authentication Token');
    const { facts } = exchange;
    facts.service = 'logs';
    const target = head.headers.get('x-amz-target') ?? '';
    if (target.startsWith(targetPrefix)) facts.operation = target.slice(targetPrefix.length);
    const { key, body } = await identify(exchange, head, proof);
    facts.proven = true;
    if (head.method !== 'POST' || !target.startsWith(targetPrefix)) {
      throw new LogsError('UnknownOperationException', `CloudWatch Logs takes POST with X-Amz-Target: ${targetPrefix}<operation>; this is ${head.method} with '${target}'`);
    }
    const input = parseBody(body);
    facts.parameters = input;
    return deps.logs.handle({
      accountId: key.accountId,
      operation: target.slice(targetPrefix.length),
      input,
      authorize: authorizeFor({ key, sourceIp: exchange.request.socket.remoteAddress }),
    });
  }

  return {
    async serve(exchange, head, proof) {
      try {
        const result = await answer(exchange, head, proof);
        if ('members' in result) {
          exchange.facts.response = result.members;
          send(exchange, 200, result.members);
          return;
        }
        exchange.settle();
        await sendEvents(exchange, result.events, deps.log);
      } catch (error) {
        refuse(exchange, error, deps.log);
      }
    },
  };
}

function authorizeFor({ key, sourceIp }: Caller): (action: string, resource: string) => void {
  return (action, resource) => {
    const decision = key.policies?.decide({ action, resource, context: commonContext(sourceIp) }) ?? 'allow';
    if (decision !== 'allow') throw new LogsError('AccessDeniedException', denial(key, action, resource, decision));
  };
}

/** In this protocol every error of the caller is a 400. */
function refuse(exchange: Exchange, error: unknown, log: Logger): void {
  if (error instanceof LogsError) return sendError(exchange, 400, error.code, error.message);
  const known = toWireError(error, exchange.request.url);
  if (known !== undefined) return sendError(exchange, known.status < 500 && known.status !== 413 ? 400 : known.status, known.type, known.members['message'] ?? '', known.members);
  log.error({ requestId: exchange.requestId, err: error }, 'request failed inside');
  sendError(exchange, 500, 'InternalFailure', `Internal error; the server's log has it under request id ${exchange.requestId}`);
}

function sendError(exchange: Exchange, status: number, code: string, message: string, members: Readonly<Record<string, string>> = { message }): void {
  exchange.facts.error = { code, message };
  send(exchange, status, { __type: code, ...members });
}

function send({ request, response }: Exchange, status: number, members: Readonly<Record<string, unknown>>): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(members);
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
  // A client that is still sending reads the answer only if its bytes keep being taken.
  request.resume();
}

/** Until the client leaves, the server closes, or the session's time is over. */
async function sendEvents({ response }: Exchange, events: Extract<LogsAnswer, { events: unknown }>['events'], log: Logger): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'content-type': eventStreamType });
  response.write(eventMessage('initial-response', '{}', contentType));
  try {
    for await (const { type, payload } of events(gone.signal)) {
      if (!response.write(eventMessage(type, JSON.stringify(payload), 'application/json'))) await once(response, 'drain', { signal: gone.signal });
    }
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    log.debug({ err: error }, 'live tail ended with its client');
  }
}
