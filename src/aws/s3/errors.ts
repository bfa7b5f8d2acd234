/** S3 error answers: HTTP status of each code, and the XML. */
import { ObjectError, S3Error, type S3ErrorCode, type S3Request, type S3Response } from '../contracts.js';
import { xmlDocument } from './xml.js';

const statuses: Readonly<Record<S3ErrorCode, number>> = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyExists: 409,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  ExpiredToken: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidObjectState: 403,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
};

export function errorResponse(error: S3Error, request: Pick<S3Request, 'requestId' | 'method' | 'rawPath'>): S3Response {
  const body = xmlDocument('Error', { Code: error.code, Message: error.message, ...error.details, Resource: request.rawPath, RequestId: request.requestId });
  const length = Buffer.byteLength(body);
  const headers = { 'x-amz-request-id': request.requestId, 'content-type': 'application/xml' };
  // An answer to HEAD has no body: its status is all the client gets.
  if (request.method === 'HEAD') return { status: statuses[error.code], headers };
  return { status: statuses[error.code], headers: { ...headers, 'content-length': String(length) }, body };
}

export function toS3Error(error: unknown): S3Error | undefined {
  if (error instanceof S3Error) return error;
  return error instanceof ObjectError ? new S3Error(error.code, error.message) : undefined;
}

export function noSuchBucket(bucket: string): S3Error {
  return new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: bucket });
}

export function noSuchKey(key: string): S3Error {
  return new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
}

export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error('NoSuchUpload', 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.', { UploadId: uploadId });
}
