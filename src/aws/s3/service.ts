/** The S3 subset: finds the operation of a request, and serves objects to the rest of the program. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ObjectError, S3Error, type ObjectReader, type S3Request, type S3Response, type S3Service } from '../contracts.js';
import { addressOf } from './address.js';
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './bucket-operations.js';
import { createBuckets } from './buckets.js';
import { copyObject } from './copy-object.js';
import { deleteObjects } from './delete-objects.js';
import { errorResponse, toS3Error } from './errors.js';
import { listObjects, listObjectsV2 } from './list-objects.js';
import { listMultipartUploads, listParts } from './list-uploads.js';
import { abortMultipartUpload, completeMultipartUpload, createMultipartUpload, uploadPart } from './multipart.js';
import { deleteObject, getObject, headObject, putObject } from './object-operations.js';
import type { BucketCall, ObjectCall, S3Context } from './operation.js';

export interface S3Deps {
  /** Buckets are kept in `<dataDir>/s3`. */
  readonly dataDir: string;
  readonly region: string;
  /** Host names of this server for which `<bucket>.<name>` addresses a bucket; `localhost` always does. */
  readonly domains?: readonly string[];
  readonly log: Logger;
  /** ms since 1970; default Date.now */
  readonly clock?: () => number;
}

/** Its name and the permission it needs, https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
type BucketOperation = readonly [name: string, action: string | undefined, serve: (call: BucketCall) => Promise<S3Response>];
type ObjectOperation = readonly [name: string, action: string, serve: (call: ObjectCall) => Promise<S3Response>];

/** Query parameters that name another operation than the method alone. Those not served are refused, never ignored. */
const subresources = [
  'accelerate', 'acl', 'analytics', 'attributes', 'cors', 'delete', 'encryption', 'intelligent-tiering', 'inventory', 'legal-hold', 'lifecycle',
  'location', 'logging', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'partNumber', 'policy', 'policyStatus',
  'publicAccessBlock', 'replication', 'requestPayment', 'restore', 'retention', 'select', 'tagging', 'torrent', 'uploadId', 'uploads',
  'versionId', 'versioning', 'versions', 'website', 'list-type',
];

const bucketOperations: Readonly<Record<string, BucketOperation>> = {
  'PUT ': ['CreateBucket', 's3:CreateBucket', createBucket],
  'HEAD ': ['HeadBucket', 's3:ListBucket', headBucket],
  'DELETE ': ['DeleteBucket', 's3:DeleteBucket', deleteBucket],
  'GET location': ['GetBucketLocation', 's3:GetBucketLocation', getBucketLocation],
  'GET ': ['ListObjects', 's3:ListBucket', listObjects],
  'GET list-type': ['ListObjectsV2', 's3:ListBucket', listObjectsV2],
  'GET uploads': ['ListMultipartUploads', 's3:ListBucketMultipartUploads', listMultipartUploads],
  'POST delete': ['DeleteObjects', undefined, deleteObjects], // asks for each object
};

const objectOperations: Readonly<Record<string, ObjectOperation>> = {
  'PUT ': ['PutObject', 's3:PutObject', (call) => (call.request.headers.has('x-amz-copy-source') ? copyObject(call) : putObject(call))],
  'GET ': ['GetObject', 's3:GetObject', getObject],
  'HEAD ': ['HeadObject', 's3:GetObject', headObject],
  'DELETE ': ['DeleteObject', 's3:DeleteObject', deleteObject],
  'POST uploads': ['CreateMultipartUpload', 's3:PutObject', createMultipartUpload],
  'PUT partNumber,uploadId': ['UploadPart', 's3:PutObject', uploadPart],
  'POST uploadId': ['CompleteMultipartUpload', 's3:PutObject', completeMultipartUpload],
  'DELETE uploadId': ['AbortMultipartUpload', 's3:AbortMultipartUpload', abortMultipartUpload],
  'GET uploadId': ['ListParts', 's3:ListMultipartUploadParts', listParts],
};

export function createS3Service(deps: S3Deps): S3Service & ObjectReader {
  const { clock = Date.now } = deps;
  const context: S3Context = { buckets: createBuckets(join(deps.dataDir, 's3'), clock), region: deps.region, clock };
  const domains = ['localhost', ...(deps.domains ?? [])];

  async function dispatch(request: S3Request): Promise<S3Response> {
    const { bucket: bucketName, key } = addressOf(request, domains);
    const named = subresources.filter((name) => request.query.has(name)).sort();
    const route = `${request.method} ${named.join(',')}`;
    if (bucketName === undefined) {
      if (route !== 'GET ') throw notServed(route);
      request.routed?.('ListBuckets', {});
      request.authorize('s3:ListAllMyBuckets', '*');
      return listBuckets(request, context);
    }
    if (key === undefined) {
      const operation = bucketOperations[route];
      if (!operation) throw notServed(route);
      const [name, action, serve] = operation;
      request.routed?.(name, { bucketName });
      if (action !== undefined) request.authorize(action, `arn:aws:s3:::${bucketName}`);
      return serve({ request, context, bucketName });
    }
    const operation = objectOperations[route];
    if (!operation) throw notServed(route);
    const [name, action, serve] = operation;
    request.routed?.(name === 'PutObject' && request.headers.has('x-amz-copy-source') ? 'CopyObject' : name, { bucketName, key });
    // Before the bucket is looked up: who may not use it does not learn whether it is there.
    request.authorize(action, `arn:aws:s3:::${bucketName}/${key}`);
    return serve({ request, context, bucket: await context.buckets.get(bucketName, request.accountId), key });
  }

  return {
    refuse: errorResponse,

    async handle(request) {
      try {
        const response = await dispatch(request);
        return { ...response, headers: { ...response.headers, 'x-amz-request-id': request.requestId } };
      } catch (error) {
        const known = toS3Error(error);
        if (!known) deps.log.error({ requestId: request.requestId, err: error }, 'S3 request failed inside');
        const told = known ?? new S3Error('InternalError', isFull(error) ? 'The server\'s disk is full: free space in its data folder.' : 'We encountered an internal error. Please try again.');
        request.failed?.({ code: told.code, message: told.message });
        return errorResponse(told, request);
      }
    },

    async open(accountId, bucketName, key) {
      try {
        const { meta, file } = await (await context.buckets.get(bucketName, accountId)).open(key);
        return { size: meta.size, body: file.createReadStream() }; // closes the file
      } catch (error) {
        if (error instanceof S3Error && (error.code === 'NoSuchBucket' || error.code === 'NoSuchKey' || error.code === 'AccessDenied')) {
          throw new ObjectError(error.code, `s3://${bucketName}/${key}: ${error.message}`);
        }
        throw error;
      }
    },
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** Subresources of S3 of which this server has no operation at all. */
const unserved = subresources.filter((name) => ![...Object.keys(bucketOperations), ...Object.keys(objectOperations)].some((route) => route.split(/[ ,]/).includes(name)));
/** Methods by which S3 itself serves subresources. */
const subresourceMethods = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];

/** 501 for what S3 has and this server has not, 405 for what S3 has not either. */
function notServed(route: string): S3Error {
  const [method = '', named = ''] = route.split(' ');
  if (!subresourceMethods.includes(method) || !named.split(',').some((name) => unserved.includes(name))) {
    return new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', { Method: method });
  }
  return new S3Error('NotImplemented', `This server does not serve ${method} with ?${named} on this resource; see the documentation for the S3 operations it has.`);
}
