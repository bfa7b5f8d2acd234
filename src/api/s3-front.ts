/** The S3 side of the listener: authenticates the head, unwraps the body, hands both to the S3 service. */
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { S3Error, type S3ErrorCode, type S3Request, type S3Response, type S3Service } from '../aws/contracts.js';
import type { AccessKey } from '../keys/key-ring.js';
import { commonContext, denial, type Caller } from './access/authorize.js';
import type { Exchange } from './lambda-front.js';
import { ChunkedDecoder, type ChunkSigning } from './sigv4/chunked.js';
import { isSignedIn, type Proof } from './proof.js';
import { noting } from './request-facts.js';
import type { Claim } from './sigv4/claim.js';
import { AuthFailure, type AuthFailureKind } from './sigv4/failure.js';
import { hashedBody } from './sigv4/hashed-body.js';
import { scopeText } from './sigv4/key.js';
import { firstValues, type RequestHead } from './sigv4/request-head.js';
import { checkSignature, precheck, type Candidate, type VerifyOptions } from './sigv4/verify.js';

/** S3's tolerance for clocks that are off, wider than the other services'. */
const maxSkewMs = 15 * 60_000;

export interface S3FrontDeps {
  readonly s3: S3Service;
  readonly auth: Pick<VerifyOptions, 'findKey' | 'region'>;
  readonly clock: () => number;
  readonly log: Logger;
}

export interface S3Front {
  /** Never rejects: every outcome is an answer, unless the client is gone. */
  serve(exchange: Exchange, head: RequestHead, proof: Proof): Promise<void>;
  refuse(exchange: Exchange, head: RequestHead, error: unknown): Promise<void>;
}

export function createS3Front(deps: S3FrontDeps): S3Front {
  const refuse: S3Front['refuse'] = async (exchange, head, error) => {
    const refusal = toS3Error(error);
    const { code, message } = refusal;
    exchange.facts.error = { code, message };
    await send(exchange, deps.s3.refuse(refusal, { requestId: exchange.requestId, method: head.method, rawPath: head.rawPath }), deps.log);
  };
  const signed = (exchange: Exchange, head: RequestHead, claim: Claim | undefined, trailers: Map<string, string>): Upload => {
    if (claim === undefined) throw new AuthFailure('unsigned', 'Access Denied');
    const candidate = precheck(claim, head, { ...noting(deps.auth, exchange.facts), now: deps.clock(), style: 's3', maxSkewMs });
    const payload = payloadMode(head, claim);
    checkSignature(candidate, head, payload, 's3');
    exchange.facts.proven = true;
    return { key: candidate.key, host: head.headers.get('host') ?? '', ...unwrap(exchange, head, candidate, payload, trailers) };
  };

  return {
    refuse,
    async serve(exchange, head, proof) {
      const { facts } = exchange;
      facts.service = 's3';
      try {
        const trailers = new Map<string, string>();
        const { key, host, body, length } = isSignedIn(proof) ? plain(exchange, head, proof.signedIn) : signed(exchange, head, proof, trailers);
        const response = await deps.s3.handle({
          requestId: exchange.requestId,
          accountId: key.accountId,
          authorize: authorizeFor({ key, sourceIp: exchange.request.socket.remoteAddress }),
          method: head.method,
          host,
          rawPath: head.rawPath,
          query: firstValues(head.query),
          headers: head.headers,
          body,
          length,
          trailers,
          routed(operation, parameters) {
            facts.operation = operation;
            facts.parameters = parameters;
          },
          failed(failure) {
            facts.error = failure;
          },
        });
        await send(exchange, response, deps.log);
      } catch (error) {
        if (!(error instanceof AuthFailure || error instanceof S3Error)) deps.log.error({ requestId: exchange.requestId, err: error }, 'request failed inside');
        await refuse(exchange, head, error);
      }
    },
  };
}

/** Who sends a request, to which host, and the object's bytes in it. */
interface Upload {
  readonly key: AccessKey;
  readonly host: string;
  readonly body: Readable;
  readonly length: number | undefined;
}

/** The console's host name is not one of a bucket: buckets are in the path. */
function plain({ request, facts }: Exchange, head: RequestHead, key: AccessKey): Upload {
  Object.assign(facts, { key, proven: true });
  return { key, host: 'localhost', body: piped(request, new PassThrough()), length: readLength(head.headers.get('content-length')) };
}

/** S3 quotes the resource in its text. */
function authorizeFor({ key, sourceIp }: Caller): S3Request['authorize'] {
  return (action, resource) => {
    const decision = key.policies?.decide({ action, resource, context: commonContext(sourceIp) }) ?? 'allow';
    if (decision !== 'allow') throw new S3Error('AccessDenied', denial(key, action, `"${resource}"`, decision));
  };
}

/** The payload line of the canonical request. A presigned URL signs none. */
function payloadMode(head: RequestHead, claim: Claim): string {
  const stated = head.headers.get('x-amz-content-sha256');
  if (claim.expiresInSeconds !== undefined) return claim.signedHeaders.includes('x-amz-content-sha256') && stated ? stated : 'UNSIGNED-PAYLOAD';
  if (stated === undefined) throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  return stated;
}

/** The object's bytes from the body as sent; checks of the body run while it is read. */
function unwrap({ request }: Exchange, head: RequestHead, candidate: Candidate, payload: string, trailers: Map<string, string>): { body: Readable; length: number | undefined } {
  const length = readLength(head.headers.get('content-length'));
  // Not the request itself: whoever fails to store the body destroys it, and the answer needs the connection.
  if (payload === 'UNSIGNED-PAYLOAD') return { body: piped(request, new PassThrough()), length };
  if (/^[0-9a-f]{64}$/.test(payload)) return { body: piped(request, hashedBody(payload)), length };
  const signed = payload.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  if (!['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'].includes(payload)) {
    throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.');
  }
  const decodedLength = readLength(head.headers.get('x-amz-decoded-content-length'));
  if (decodedLength === undefined) throw new S3Error('MissingContentLength', 'You must provide the x-amz-decoded-content-length HTTP header.');
  const { claim, signingKey: key } = candidate;
  const signing: ChunkSigning | undefined = signed ? { key, seed: claim.signature, timestamp: claim.timestamp, scope: scopeText(claim) } : undefined;
  const decoder = new ChunkedDecoder({ signing, trailers: payload.endsWith('-TRAILER'), decodedLength, into: trailers });
  return { body: piped(request, decoder), length: decodedLength };
}

/** Errors travel to the reader of the last stream, who answers for them; an operation that reads no body has no use for them. */
function piped<T extends Readable & NodeJS.WritableStream>(source: Readable, target: T): T {
  target.on('error', () => source.unpipe(target));
  source.once('error', (error) => target.destroy(error));
  source.once('close', () => {
    if (!source.readableEnded) target.destroy(new S3Error('IncompleteBody', 'the connection ended before the body did'));
  });
  source.pipe(target);
  return target;
}

function readLength(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument', `'${text}' is no length in bytes`);
  return Number(text);
}

async function send({ request, response }: Exchange, answer: S3Response, log: Logger): Promise<void> {
  if (response.destroyed) {
    if (answer.body !== undefined && typeof answer.body !== 'string') answer.body.destroy();
    return;
  }
  try {
    response.writeHead(answer.status, answer.headers);
  } catch (error) {
    // The body is ours until it is sent: it may hold an open file.
    if (answer.body !== undefined && typeof answer.body !== 'string') answer.body.destroy();
    throw error;
  }
  // A client that is still sending reads the answer only if its bytes keep being taken.
  request.resume();
  if (answer.body === undefined || typeof answer.body === 'string') {
    response.end(answer.body);
    return;
  }
  try {
    await pipeline(answer.body, response);
  } catch (error) {
    // The head is out: all that is left is to break the connection, which pipeline has done.
    log.debug({ err: error }, 'object not sent to its end');
  }
}

const authErrors: Readonly<Record<AuthFailureKind, readonly [code: S3ErrorCode, message?: string]>> = {
  unsigned: ['AccessDenied', 'Access Denied'],
  malformed: ['AuthorizationHeaderMalformed'],
  'unknown-key': ['InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'],
  'session-token': ['InvalidToken', 'The provided token is malformed or otherwise invalid.'],
  'session-expired': ['ExpiredToken', 'The provided token has expired.'],
  'wrong-scope': ['AuthorizationHeaderMalformed'],
  'header-not-signed': ['AccessDenied'],
  skewed: ['RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.'],
  expired: ['AccessDenied', 'Request has expired'],
  mismatch: ['SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided. Check your key and signing method.'],
  'body-mismatch': ['XAmzContentSHA256Mismatch'],
};

function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (error instanceof AuthFailure) {
    const [code, message] = authErrors[error.kind];
    return new S3Error(code, message ?? error.message);
  }
  return new S3Error('InternalError', 'We encountered an internal error. Please try again.');
}
