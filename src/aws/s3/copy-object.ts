/** CopyObject: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import type { ObjectMeta } from './bucket.js';
import { checkWrite, readCondition } from './conditions.js';
import { uploadMeter } from './digest.js';
import { metadataOf } from './metadata.js';
import { checksumHeaders } from './object-operations.js';
import { refuseUnsupported, xmlResponse, type ObjectCall } from './operation.js';

export async function copyObject({ request, context, bucket, key }: ObjectCall): Promise<S3Response> {
  const { headers } = request;
  refuseUnsupported(new Map([...headers].filter(([name]) => !copyHeaders.has(name))));
  const source = sourceOf(headers.get('x-amz-copy-source') ?? '');
  request.authorize('s3:GetObject', `arn:aws:s3:::${source.bucket}/${source.key}`);
  const replace = directive(headers);
  const from = await context.buckets.get(source.bucket, request.accountId);
  if (from === bucket && source.key === key && !replace) {
    throw new S3Error('InvalidRequest', "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.");
  }
  const { meta, file } = await from.open(source.key);
  try {
    checkSource(headers, meta);
    const body = file.createReadStream({ autoClose: false });
    const { blob, result } = await bucket.write(body, uploadMeter({ headers: new Map(), trailers: new Map(), length: meta.size }));
    const copy: ObjectMeta = {
      key,
      blob,
      size: result.size,
      etag: result.md5.toString('hex'),
      lastModified: context.clock(),
      ...(replace ? metadataOf(request) : { headers: meta.headers, userMetadata: meta.userMetadata }),
      checksum: meta.checksum,
    };
    await bucket.commit(copy, (before) => checkWrite(headers, before));
    return xmlResponse('CopyObjectResult', { LastModified: new Date(copy.lastModified).toISOString(), ETag: `"${copy.etag}"` }, checksumHeaders(copy));
  } finally {
    await file.close();
  }
}

const copyHeaders = new Set([
  'x-amz-copy-source', 'x-amz-copy-source-if-match', 'x-amz-copy-source-if-none-match', 'x-amz-copy-source-if-modified-since', 'x-amz-copy-source-if-unmodified-since',
  'x-amz-tagging-directive',
]);

/** `[/]<bucket>/<key>`, percent-encoded. */
function sourceOf(header: string): { bucket: string; key: string } {
  const [path = '', query = ''] = header.replace(/^\//, '').split('?', 2);
  if (query !== '') throw new S3Error('NotImplemented', 'This server keeps no versions of objects: leave versionId out of x-amz-copy-source.');
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    decoded = '';
  }
  const slash = decoded.indexOf('/');
  if (slash < 1 || slash === decoded.length - 1) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey', { ArgumentName: 'x-amz-copy-source', ArgumentValue: header });
  }
  return { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1) };
}

/** Does the copy get metadata of its own? */
function directive(headers: S3Request['headers']): boolean {
  const value = headers.get('x-amz-metadata-directive') ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') throw new S3Error('InvalidArgument', 'Unknown metadata directive.', { ArgumentName: 'x-amz-metadata-directive', ArgumentValue: value });
  return value === 'REPLACE';
}

function checkSource(headers: S3Request['headers'], meta: ObjectMeta): void {
  const prefix = 'x-amz-copy-source-';
  const conditions = new Map([...headers].filter(([name]) => name.startsWith(`${prefix}if-`)).map(([name, value]) => [name.slice(prefix.length), value]));
  if (readCondition(conditions, meta) === 'not-modified') throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition: 'x-amz-copy-source-If-None-Match' });
}
