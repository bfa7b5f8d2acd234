/** The AWS services around MicroVMs that this server plays itself. Images read their artifacts through this. */
import type { Readable } from 'node:stream';

export type ObjectErrorCode = 'NoSuchBucket' | 'NoSuchKey' | 'AccessDenied' | 'InvalidObjectState';

/** The object cannot be read; `code` is the S3 error code. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  constructor(
    readonly code: ObjectErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Reads objects of the S3 subset on behalf of an account. */
export interface ObjectReader {
  /**
   * The caller consumes or destroys `body`. `size` is in bytes, what `body` will yield.
   * Throws {@link ObjectError}: AccessDenied when the bucket belongs to another account.
   */
  open(accountId: string, bucket: string, key: string): Promise<{ size: number; body: Readable }>;
}

/** Codes of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html that this server uses. */
export type S3ErrorCode =
  | ObjectErrorCode
  | 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError' | 'BadDigest' | 'BucketAlreadyExists'
  | 'BucketAlreadyOwnedByYou' | 'BucketNotEmpty' | 'EntityTooLarge' | 'EntityTooSmall' | 'ExpiredToken' | 'IncompleteBody'
  | 'InternalError' | 'InvalidAccessKeyId' | 'InvalidArgument' | 'InvalidBucketName' | 'InvalidDigest' | 'InvalidPart'
  | 'InvalidPartOrder' | 'InvalidRange' | 'InvalidRequest' | 'InvalidToken' | 'InvalidURI' | 'KeyTooLongError'
  | 'MalformedXML' | 'MethodNotAllowed' | 'MissingContentLength' | 'NoSuchUpload' | 'NotImplemented'
  | 'PreconditionFailed' | 'RequestTimeTooSkewed' | 'SignatureDoesNotMatch' | 'XAmzContentSHA256Mismatch';

/** A refusal of the S3 subset; its service turns it into S3's XML. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  constructor(
    readonly code: S3ErrorCode,
    message: string,
    /** Further elements of the XML answer, e.g. `{ BucketName: 'b' }`. */
    readonly details: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** A request whose head is already authenticated. Reading `body` may fail with {@link S3Error} (bad hash, bad chunk). */
export interface S3Request {
  readonly requestId: string;
  readonly accountId: string;
  /** Asks the caller's policies, e.g. `s3:GetObject` on `arn:aws:s3:::bucket/key`. Throws S3Error AccessDenied. */
  readonly authorize: (action: string, resource: string) => void;
  readonly method: string;
  /** Host header, with its port. */
  readonly host: string;
  /** As sent, percent-encoded, without the query. */
  readonly rawPath: string;
  /** Decoded; the first value of each name. */
  readonly query: ReadonlyMap<string, string>;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The object's bytes: aws-chunked framing already removed and its signatures checked. */
  readonly body: Readable;
  /** Bytes `body` yields, when the client said. */
  readonly length: number | undefined;
  /** Trailing headers of an aws-chunked body, names in lower case; filled once `body` has ended. */
  readonly trailers: ReadonlyMap<string, string>;
  /** Told which operation it is, with the members that name what it is about. */
  readonly routed?: (operation: string, parameters: Readonly<Record<string, string>>) => void;
  /** Told of the error that the answer has. */
  readonly failed?: (error: { readonly code: string; readonly message: string }) => void;
}

export interface S3Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Readable | undefined;
}

/** The S3 subset. Neither method throws: what goes wrong becomes an S3 error answer. */
export interface S3Service {
  handle(request: S3Request): Promise<S3Response>;
  /** The answer to a request that was refused before it could be handled. */
  refuse(error: S3Error, request: Pick<S3Request, 'requestId' | 'method' | 'rawPath'>): S3Response;
}

/** A request to CloudWatch Logs whose sender is known. */
export interface LogsRequest {
  readonly accountId: string;
  /** Of `X-Amz-Target`, without its prefix. */
  readonly operation: string;
  /** The parsed body. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Throws {@link LogsError} AccessDeniedException when the key's policies do not allow it. */
  readonly authorize: (action: string, resource: string) => void;
}

export type LogsErrorCode =
  | 'AccessDeniedException' | 'InvalidParameterException' | 'ResourceAlreadyExistsException' | 'ResourceNotFoundException'
  | 'SerializationException' | 'UnknownOperationException' | 'UnsupportedOperationException';

/** A refusal of the CloudWatch Logs subset; the wire's `__type`. */
export class LogsError extends Error {
  override readonly name = 'LogsError';
  constructor(
    readonly code: LogsErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export interface LiveTailEvent {
  readonly type: 'sessionStart' | 'sessionUpdate';
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Members of an answer, or the events of a StartLiveTail session until `signal` aborts or the session's time is over. */
export type LogsAnswer =
  | { readonly members: Readonly<Record<string, unknown>> }
  | { readonly events: (signal: AbortSignal) => AsyncIterable<LiveTailEvent> };

/** The CloudWatch Logs subset. Throws {@link LogsError}. */
export interface LogsService {
  handle(request: LogsRequest): Promise<LogsAnswer>;
}
