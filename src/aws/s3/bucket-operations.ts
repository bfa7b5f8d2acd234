/** ListBuckets, CreateBucket, HeadBucket, GetBucketLocation, DeleteBucket. */
import type { S3Request, S3Response } from '../contracts.js';
import { emptyResponse, readText, xmlResponse, type BucketCall, type S3Context } from './operation.js';

export async function listBuckets(request: S3Request, { buckets }: S3Context): Promise<S3Response> {
  const found = await buckets.list(request.accountId);
  return xmlResponse('ListAllMyBucketsResult', {
    Owner: { ID: request.accountId },
    Buckets: { Bucket: found.map(({ name, createdAt }) => ({ Name: name, CreationDate: new Date(createdAt).toISOString() })) },
  });
}

/** The body, a LocationConstraint, says what the endpoint says already. */
export async function createBucket({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  await readText(request);
  await context.buckets.create(bucketName, request.accountId);
  return emptyResponse(200, { location: `/${bucketName}` });
}

export async function headBucket({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  await context.buckets.get(bucketName, request.accountId);
  return { status: 200, headers: { 'x-amz-bucket-region': context.region } };
}

/** us-east-1 is the empty constraint, for history's sake. */
export async function getBucketLocation({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  await context.buckets.get(bucketName, request.accountId);
  const { region } = context;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${region === 'us-east-1' ? '' : region}</LocationConstraint>`;
  return { status: 200, headers: { 'content-type': 'application/xml', 'content-length': String(Buffer.byteLength(body)) }, body };
}

export async function deleteBucket({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  await context.buckets.delete(bucketName, request.accountId);
  return emptyResponse(204);
}
