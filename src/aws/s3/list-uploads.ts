/** ListMultipartUploads and ListParts: what of uploads under way is there. */
import { S3Error, type S3Response } from '../contracts.js';
import { compareKeys } from './key-order.js';
import { encoder } from './list-objects.js';
import { find, partsOf, uploadsOf } from './multipart.js';
import { xmlResponse, type BucketCall, type ObjectCall } from './operation.js';

const maxPage = 1000;

/** By key, then age. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export async function listMultipartUploads({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  const { query } = request;
  const bucket = await context.buckets.get(bucketName, request.accountId);
  if (query.get('delimiter')) throw new S3Error('NotImplemented', 'This server lists multipart uploads by prefix only, without delimiter.');
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const limit = readLimit(query.get('max-uploads'), 'max-uploads');
  const all = (await uploadsOf(bucket)).sort((a, b) => compareKeys(a.key, b.key) || a.initiated - b.initiated || (a.id < b.id ? -1 : 1));
  const marked = idMarker === '' ? -1 : all.findIndex((upload) => upload.id === idMarker && upload.key === keyMarker);
  // An upload that ended since it was given out no longer marks a place: the page begins behind its key.
  const after = marked >= 0 ? all.slice(marked + 1) : all.filter(({ key }) => keyMarker === '' || compareKeys(key, keyMarker) > 0);
  const wanted = after.filter(({ key }) => key.startsWith(prefix));
  const page = wanted.slice(0, limit);
  const last = page.at(-1);
  const truncated = wanted.length > page.length && last !== undefined;
  const encode = encoder(query);
  const owner = { ID: request.accountId };
  return xmlResponse('ListMultipartUploadsResult', {
    Bucket: bucketName,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: truncated ? encode(last.key) : undefined,
    NextUploadIdMarker: truncated ? last.id : undefined,
    Prefix: encode(prefix),
    EncodingType: query.get('encoding-type'),
    MaxUploads: limit,
    IsTruncated: truncated,
    Upload: page.map(({ key, id, initiated }) => ({ Key: encode(key), UploadId: id, Initiator: owner, Owner: owner, StorageClass: 'STANDARD', Initiated: new Date(initiated).toISOString() })),
  });
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html */
export async function listParts({ request, bucket, key }: ObjectCall): Promise<S3Response> {
  const { query } = request;
  const { dir } = await find(bucket, key, request);
  const marker = Number(query.get('part-number-marker') ?? 0);
  const limit = readLimit(query.get('max-parts'), 'max-parts');
  const wanted = (await partsOf(dir)).filter(({ number }) => number > marker);
  const page = wanted.slice(0, limit);
  const truncated = wanted.length > page.length && page.length > 0;
  const owner = { ID: request.accountId };
  return xmlResponse('ListPartsResult', {
    Bucket: bucket.info.name,
    Key: encoder(query)(key),
    UploadId: query.get('uploadId'),
    Initiator: owner,
    Owner: owner,
    StorageClass: 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: truncated ? page.at(-1)?.number : undefined,
    MaxParts: limit,
    IsTruncated: truncated,
    Part: page.map(({ number, size, md5, modified }) => ({ PartNumber: number, LastModified: new Date(modified).toISOString(), ETag: `"${md5}"`, Size: size })),
  });
}

function readLimit(text: string | undefined, name: string): number {
  if (text === undefined || text === '') return maxPage;
  if (!/^\d{1,10}$/.test(text)) throw new S3Error('InvalidArgument', `Provided ${name} not an integer or within integer range`, { ArgumentName: name, ArgumentValue: text });
  return Math.min(Number(text), maxPage);
}
