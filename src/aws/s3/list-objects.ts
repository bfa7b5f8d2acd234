/** ListObjectsV2 and its older form: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, API_ListObjects.html */
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import type { Bucket } from './bucket.js';
import { compareKeys, lowerBound } from './key-order.js';
import { xmlResponse, type BucketCall } from './operation.js';

const maxPage = 1000;

interface Listing {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** The last key or prefix given out, when more follow. */
  readonly last?: string | undefined;
}

interface ListInput {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Exclusive; a common prefix stands for all that starts with it. */
  readonly after: string;
}

export async function listObjectsV2({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  const bucket = await context.buckets.get(bucketName, request.accountId);
  const { query } = request;
  const token = query.get('continuation-token');
  const input = {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: readMaxKeys(query.get('max-keys')),
    after: token === undefined ? (query.get('start-after') ?? '') : readToken(token),
  };
  const listing = list(bucket, input);
  const encode = encoder(query);
  return xmlResponse('ListBucketResult', {
    Name: bucketName,
    Prefix: encode(input.prefix),
    Delimiter: input.delimiter === '' ? undefined : encode(input.delimiter),
    StartAfter: query.has('start-after') ? encode(query.get('start-after') ?? '') : undefined,
    ContinuationToken: token,
    EncodingType: query.get('encoding-type'),
    KeyCount: listing.keys.length + listing.prefixes.length,
    MaxKeys: input.maxKeys,
    IsTruncated: listing.last !== undefined,
    NextContinuationToken: listing.last === undefined ? undefined : Buffer.from(listing.last).toString('base64url'),
    Contents: listing.keys.map((key) => contents(bucket, key, encode)),
    CommonPrefixes: listing.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  });
}

/** Pages by the last key given out; S3 tells it only when there is a delimiter, since else the client can see it. */
export async function listObjects({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  const bucket = await context.buckets.get(bucketName, request.accountId);
  const { query } = request;
  const marker = query.get('marker') ?? '';
  const input = { prefix: query.get('prefix') ?? '', delimiter: query.get('delimiter') ?? '', maxKeys: readMaxKeys(query.get('max-keys')), after: marker };
  const listing = list(bucket, input);
  const encode = encoder(query);
  const Owner = { ID: request.accountId };
  return xmlResponse('ListBucketResult', {
    Name: bucketName,
    Prefix: encode(input.prefix),
    Marker: encode(marker),
    NextMarker: listing.last === undefined || input.delimiter === '' ? undefined : encode(listing.last),
    Delimiter: input.delimiter === '' ? undefined : encode(input.delimiter),
    EncodingType: query.get('encoding-type'),
    MaxKeys: input.maxKeys,
    IsTruncated: listing.last !== undefined,
    Contents: listing.keys.map((key) => ({ ...contents(bucket, key, encode), Owner })),
    CommonPrefixes: listing.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  });
}

function list(bucket: Bucket, { prefix, delimiter, maxKeys, after }: ListInput): Listing {
  const sorted = bucket.keys();
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  const start = compareKeys(after, prefix) > 0 ? after : prefix;
  for (let i = lowerBound(sorted, start); i < sorted.length; i += 1) {
    const key = sorted[i] ?? '';
    if (!key.startsWith(prefix)) break;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = end < 0 ? key : key.slice(0, end + delimiter.length);
    if (compareKeys(entry, after) <= 0 || (end >= 0 && prefixes.at(-1) === entry)) continue;
    if (keys.length + prefixes.length >= maxKeys) return { keys, prefixes, last: maxKeys === 0 ? undefined : last };
    (end < 0 ? keys : prefixes).push(entry);
    last = entry;
  }
  return { keys, prefixes };
}

function contents(bucket: Bucket, key: string, encode: (text: string) => string) {
  const meta = bucket.get(key);
  return {
    Key: encode(key),
    LastModified: new Date(meta?.lastModified ?? 0).toISOString(),
    ETag: `"${meta?.etag ?? ''}"`,
    ChecksumAlgorithm: meta?.checksum?.algorithm.toUpperCase(),
    ChecksumType: meta?.checksum ? 'FULL_OBJECT' : undefined,
    Size: meta?.size,
    StorageClass: 'STANDARD',
  };
}

export function encoder(query: S3Request['query']): (text: string) => string {
  const type = query.get('encoding-type');
  if (type === undefined) return (text) => text;
  if (type !== 'url') throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', { ArgumentName: 'encoding-type', ArgumentValue: type });
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/');
}

function readMaxKeys(text: string | undefined): number {
  if (text === undefined || text === '') return maxPage;
  if (!/^\d{1,10}$/.test(text)) throw new S3Error('InvalidArgument', 'Provided max-keys not an integer or within integer range', { ArgumentName: 'max-keys', ArgumentValue: text });
  return Math.min(Number(text), maxPage);
}

function readToken(token: string): string {
  const after = Buffer.from(token, 'base64url').toString('utf8');
  if (after === '' || Buffer.from(after).toString('base64url') !== token) {
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', { ArgumentName: 'continuation-token' });
  }
  return after;
}
